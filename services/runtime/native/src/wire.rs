//! How does a reported use lie on the wire? `ToolUse` of proto/candour/v1/common.proto.
//!
//! Written out by hand, so that nothing is generated at build time; `CONTRACT` is held to the
//! contract's own descriptor by the Python side before the first use is read.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub struct ToolUse {
    #[prost(string, tag = "1")]
    pub agency: String,
    #[prost(string, tag = "2")]
    pub technology: String,
    #[prost(string, tag = "3")]
    pub source: String,
    #[prost(string, tag = "4")]
    pub source_event_id: String,
    #[prost(uint32, tag = "5")]
    pub occurrence: u32,
    #[prost(int32, tag = "6")]
    pub capture: i32,
    #[prost(message, optional, tag = "7")]
    pub occurred: Option<Occurred>,
    #[prost(message, optional, tag = "8")]
    pub performer: Option<Performer>,
    #[prost(message, optional, tag = "9")]
    pub performers: Option<Count>,
    #[prost(string, tag = "10")]
    pub performer_role: String,
    #[prost(string, tag = "11")]
    pub unit: String,
    #[prost(int32, tag = "12")]
    pub credential_strength: i32,
    #[prost(int32, tag = "13")]
    pub trigger: i32,
    #[prost(string, tag = "14")]
    pub technology_version: String,
    #[prost(string, tag = "15")]
    pub capability: String,
    #[prost(int32, tag = "16")]
    pub acquisition: i32,
    #[prost(string, repeated, tag = "17")]
    pub authorizations: Vec<String>,
    #[prost(bool, optional, tag = "18")]
    pub urgency_used: Option<bool>,
    #[prost(string, tag = "19")]
    pub purpose: String,
    #[prost(string, tag = "20")]
    pub offence_class: String,
    #[prost(string, tag = "21")]
    pub object_category: String,
    #[prost(message, optional, tag = "22")]
    pub objects: Option<Count>,
    #[prost(string, tag = "23")]
    pub reference_database: String,
    #[prost(message, optional, tag = "24")]
    pub window_requested: Option<Interval>,
    #[prost(message, optional, tag = "25")]
    pub window_returned: Option<Interval>,
    #[prost(message, optional, tag = "26")]
    pub networks_searched: Option<Count>,
    #[prost(message, optional, tag = "27")]
    pub devices_searched: Option<Count>,
    #[prost(message, repeated, tag = "28")]
    pub data_flows: Vec<DataFlow>,
    #[prost(int32, tag = "29")]
    pub outcome: i32,
    #[prost(string, tag = "30")]
    pub moderation: String,
    #[prost(int64, optional, tag = "31")]
    pub source_sequence: Option<i64>,
    #[prost(string, tag = "32")]
    pub import: String,
    #[prost(message, optional, tag = "40")]
    pub supervisor: Option<ProtectedText>,
    #[prost(string, repeated, tag = "41")]
    pub verifiers: Vec<String>,
    #[prost(message, optional, tag = "42")]
    pub case_number: Option<ProtectedText>,
    #[prost(message, optional, tag = "43")]
    pub subject: Option<ProtectedText>,
    #[prost(message, optional, tag = "44")]
    pub object: Option<ProtectedText>,
    #[prost(string, tag = "45")]
    pub object_json: String,
    #[prost(message, optional, tag = "46")]
    pub reason: Option<ProtectedText>,
    #[prost(message, optional, tag = "47")]
    pub urgency_reason: Option<ProtectedText>,
    #[prost(message, optional, tag = "48")]
    pub claimed_basis: Option<ProtectedText>,
    #[prost(message, optional, tag = "49")]
    pub occurred_text: Option<ProtectedText>,
    #[prost(message, optional, tag = "50")]
    pub source_record: Option<SourceRecord>,
}

impl ToolUse {
    /// The protected texts by name, in the order in which salts are drawn.
    pub fn texts(&self) -> [(&'static str, &Option<ProtectedText>); 8] {
        [
            ("reason", &self.reason),
            ("case_number", &self.case_number),
            ("object", &self.object),
            ("subject", &self.subject),
            ("supervisor", &self.supervisor),
            ("urgency_reason", &self.urgency_reason),
            ("claimed_basis", &self.claimed_basis),
            ("occurred_text", &self.occurred_text),
        ]
    }
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Occurred {
    #[prost(message, optional, tag = "1")]
    pub earliest: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub latest: Option<Timestamp>,
    #[prost(bool, tag = "3")]
    pub latest_exclusive: bool,
    #[prost(string, tag = "4")]
    pub zone_assumed: String,
    #[prost(string, tag = "5")]
    pub date: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Count {
    #[prost(oneof = "Known", tags = "1, 2")]
    pub known: Option<Known>,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub enum Known {
    #[prost(int64, tag = "1")]
    Exactly(i64),
    #[prost(int64, tag = "2")]
    AtLeast(i64),
}

#[derive(Clone, PartialEq, Message)]
pub struct Interval {
    #[prost(message, optional, tag = "1")]
    pub earliest: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub latest: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct DataFlow {
    #[prost(string, tag = "1")]
    pub category: String,
    #[prost(string, tag = "2")]
    pub recipient: String,
    #[prost(string, tag = "3")]
    pub processing_country: String,
    #[prost(string, tag = "4")]
    pub storage_country: String,
    #[prost(string, tag = "5")]
    pub access_country: String,
    #[prost(string, tag = "6")]
    pub permission: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Performer {
    #[prost(string, tag = "1")]
    pub user_id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub badge: String,
    #[prost(string, tag = "4")]
    pub masked: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ProtectedText {
    #[prost(oneof = "State", tags = "1, 2")]
    pub state: Option<State>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum State {
    #[prost(string, tag = "1")]
    Value(String),
    #[prost(string, tag = "2")]
    Masked(String),
}

#[derive(Clone, PartialEq, Message)]
pub struct SourceRecord {
    #[prost(string, repeated, tag = "1")]
    pub columns: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub row: Vec<String>,
    #[prost(string, tag = "3")]
    pub json: String,
}

/// Every message read here, with its fields as `name=number`, sorted by number.
pub const CONTRACT: &str = "\
ToolUse agency=1 technology=2 source=3 source_event_id=4 occurrence=5 capture=6 occurred=7 \
performer=8 performers=9 performer_role=10 unit=11 credential_strength=12 trigger=13 \
technology_version=14 capability=15 acquisition=16 authorizations=17 urgency_used=18 purpose=19 \
offence_class=20 object_category=21 objects=22 reference_database=23 window_requested=24 \
window_returned=25 networks_searched=26 devices_searched=27 data_flows=28 outcome=29 \
moderation=30 source_sequence=31 import=32 supervisor=40 verifiers=41 case_number=42 subject=43 \
object=44 object_json=45 reason=46 urgency_reason=47 claimed_basis=48 occurred_text=49 \
source_record=50
Count exactly=1 at_least=2
DataFlow category=1 recipient=2 processing_country=3 storage_country=4 access_country=5 permission=6
Interval earliest=1 latest=2
Occurred earliest=1 latest=2 latest_exclusive=3 zone_assumed=4 date=5
Performer user_id=1 name=2 badge=3 masked=4
ProtectedText value=1 masked=2
SourceRecord columns=1 row=2 json=3
Timestamp seconds=1 nanos=2";
