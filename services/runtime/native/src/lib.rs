//! How does a batch of reports become entries without the interpreter? Bytes in, bytes out.
//!
//! `read` decodes and checks, `Preparer.prepare` writes and hashes; between the two the caller looks
//! up pseudonyms. None stands for "ask Python": a use that is malformed, or written in a way
//! this path does not know. Python's own path (ledger/reports.py) is the reference, byte for
//! byte; tests/services/ingest/test_native.py holds the two together.

mod checks;
mod entry;
mod event;
mod json;
mod times;
mod wire;

use checks::Limits;
use entry::{Keys, Told};
use prost::Message;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use wire::ToolUse;

/// One use, decoded and well formed.
#[pyclass(frozen)]
struct Use {
    message: ToolUse,
}

#[pymethods]
impl Use {
    #[getter]
    fn agency(&self) -> &str {
        &self.message.agency
    }

    /// User id, name and badge of a performer who is named; None where none is.
    #[getter]
    fn performer(&self) -> Option<(Option<&str>, Option<&str>, Option<&str>)> {
        let who = self.message.performer.as_ref().filter(|who| who.masked.is_empty())?;
        let part = |text: &'_ String| (!text.is_empty()).then_some(());
        Some((
            part(&who.user_id).map(|()| who.user_id.as_str()),
            part(&who.name).map(|()| who.name.as_str()),
            part(&who.badge).map(|()| who.badge.as_str()),
        ))
    }

    /// How many random bytes `prepare` takes for it.
    #[getter]
    fn random_bytes(&self) -> usize {
        entry::random_bytes(&self.message)
    }
}

/// Writes entries of one ledger.
#[pyclass(frozen)]
struct Preparer {
    origin: String,
    keys: Keys,
    limits: Limits,
}

#[pymethods]
impl Preparer {
    #[new]
    fn new(origin: String, secret: &[u8], limits: &Bound<'_, PyDict>) -> PyResult<Preparer> {
        let secret: &[u8; 32] =
            secret.try_into().map_err(|_| PyValueError::new_err("the secret is 32 bytes"))?;
        Ok(Preparer { origin, keys: Keys::new(secret), limits: read_limits(limits)? })
    }

    /// Decode and check uses as they lie on the wire; None for each that Python is to judge.
    fn read(&self, py: Python<'_>, uses: Vec<Bound<'_, PyBytes>>) -> Vec<Option<Use>> {
        let bytes: Vec<&[u8]> = uses.iter().map(|used| used.as_bytes()).collect();
        let limits = self.limits;
        let read = move |data: &&[u8]| {
            let message = ToolUse::decode(*data).ok()?;
            (!data.is_empty() && checks::passes(&message, &limits)).then_some(Use { message })
        };
        let all = move || bytes.iter().map(read).collect::<Vec<_>>();
        // One use is done sooner than the interpreter is let go of and got back.
        if uses.len() > 1 { py.detach(all) } else { all() }
    }

    /// Entries of uses: stream, entry, leaf hash, identity, content, disclosures; or None.
    ///
    /// `random` holds `random_bytes` of each in turn, `pseudonyms` one where a performer is named.
    fn prepare<'py>(
        &self,
        py: Python<'py>,
        uses: Vec<Py<Use>>,
        pseudonyms: Vec<Option<String>>,
        random: &[u8],
        recorded_us: i64,
        recorded_at: &str,
        reporter: &str,
    ) -> PyResult<Vec<Option<Bound<'py, PyTuple>>>> {
        let wanted: usize = uses.iter().map(|used| entry::random_bytes(&used.get().message)).sum();
        if uses.len() != pseudonyms.len() || random.len() != wanted {
            return Err(PyValueError::new_err("uses, pseudonyms and random bytes must match"));
        }
        let told = Told {
            origin: &self.origin,
            recorded_at,
            recorded_ms: recorded_us.div_euclid(1000),
            reporter,
        };
        let all = || {
            let mut rest = random;
            let write = |(used, pseudonym): (&Py<Use>, &Option<String>)| {
                let message = &used.get().message;
                let (own, others) = rest.split_at(entry::random_bytes(message));
                rest = others;
                entry::entry(message, pseudonym.as_deref(), own, &told, &self.keys, &self.limits)
            };
            uses.iter().zip(&pseudonyms).map(write).collect::<Vec<_>>()
        };
        let entries = if uses.len() > 1 { py.detach(all) } else { all() };
        entries.into_iter().map(|entry| entry.map(|entry| as_tuple(py, &entry)).transpose()).collect()
    }
}

fn as_tuple<'py>(py: Python<'py>, entry: &entry::Entry) -> PyResult<Bound<'py, PyTuple>> {
    let bytes = |data: &[u8]| PyBytes::new(py, data);
    (
        entry.stream.as_str(),
        bytes(&entry.entry),
        bytes(&entry.leaf_hash),
        bytes(&entry.identity),
        bytes(&entry.content),
        bytes(&entry.disclosures),
    )
        .into_pyobject(py)
}

fn read_limits(found: &Bound<'_, PyDict>) -> PyResult<Limits> {
    let bound = |name: &str| -> PyResult<usize> {
        match found.get_item(name)? {
            Some(value) => value.extract(),
            None => Err(PyValueError::new_err(format!("no limit named {name}"))),
        }
    };
    Ok(Limits {
        authorizations: bound("MAX_AUTHORIZATIONS")?,
        code_chars: bound("MAX_CODE_CHARS")?,
        count: i64::try_from(bound("MAX_COUNT")?).expect("within 2**53"),
        data_flows: bound("MAX_DATA_FLOWS")?,
        entry_bytes: bound("MAX_ENTRY_BYTES")?,
        id_chars: bound("MAX_ID_CHARS")?,
        name_chars: bound("MAX_NAME_CHARS")?,
        record_columns: bound("MAX_RECORD_COLUMNS")?,
        shown_bytes: bound("MAX_SHOWN_BYTES")?,
        source_event_id_chars: bound("MAX_SOURCE_EVENT_ID_CHARS")?,
        source_record_bytes: bound("MAX_SOURCE_RECORD_BYTES")?,
        text_bytes: bound("MAX_TEXT_BYTES")?,
        verifiers: bound("MAX_VERIFIERS")?,
    })
}

#[pymodule]
fn candour_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CONTRACT", wire::CONTRACT)?;
    module.add_class::<Use>()?;
    module.add_class::<Preparer>()
}
