"""What does the law say of what was recorded? Verdicts, rules and findings: pure, never stored.

    authority   verdicts.py (the ten codes), from authority.py, citations.py, moments.py; judging.py, fold.py
    rules       kinds.py, judgement.py (certain and possible); predicates.py is the closed list, from
                authority_, technology_, approval_, exposure_, record_, register_rules.py, patterns.py
    packs       packs.py (what shipped), pack_files.py (read and check), examples.py, active.py
    findings    compiling.py, findings.py
    words       statements.py, against the record; coverage.py, of what was asked

A verifier re-runs all of it from the entries in a bundle (docs/adr/0020-oversight-record.md).
"""
