//! What is wrong with the document before anything is known of its keys.

use super::*;

pub(super) fn syntax() -> Class {
    let rows = vec![
        (text("version = 1\ndefault = \"deny\"\nx = ["), 3, 6, "unclosed array"),
        (text("version = 1\ndefault = deny"), 2, 11, "string values must be quoted"),
        (rule("[rules.command]\npath = \"/usr/b**\""), 7, 8, "`**` has no meaning"),
        (file("x = "), 3, 5, "string values must be quoted"),
        (file("= 1"), 3, 1, "unquoted keys cannot be empty"),
        (file("[rules"), 3, 7, "unclosed table"),
        (file("[[rules]"), 3, 9, "unclosed array table"),
        (file("why = \"never closed"), 3, 20, "invalid basic string"),
        (file("why = 'never closed"), 3, 20, "invalid literal string"),
        (file("a = 1 b = 2"), 3, 9, "unexpected key or value"),
        (file("[[rules]]\nname: r"), 4, 7, "key with no value"),
        (file("a = tru"), 3, 5, "invalid boolean"),
        (file("a = 0x"), 3, 1, "unknown key `a`"),
        (file("a = \"\"\"never closed"), 4, 1, "invalid multi-line basic string"),
        (file("a = { b = 1"), 3, 12, "unclosed inline table"),
        (file("a b = 1"), 3, 3, "key with no value"),
        (file("a = \"\\q\""), 3, 7, "missing escaped value"),
    ];
    Class { name: "no TOML", rows }
}

pub(super) fn encoding() -> Class {
    let rows = vec![
        (bytes(b"version = 1\ndefault = \"d\xffeny\""), 2, 13, "not UTF-8"),
        (bytes(b"\xff\xfev\0e\0r\0"), 1, 1, "not UTF-8"),
        (bytes(b"version = 1\n# \xc3"), 2, 3, "not UTF-8"),
        (bytes(b"version = 1\nx = \"\xed\xa0\x80\""), 2, 6, "not UTF-8"),
        (bytes(b"version = 1\nx = \"\xc0\xaf\""), 2, 6, "not UTF-8"),
        (bytes(b"version = 1\ndefault = \"a\0b\""), 2, 13, "invalid basic string"),
        (bytes(b"version = 1\ndefault = \"a\x1bb\""), 2, 13, "invalid basic string"),
        (bytes(b"version = 1\n# \x07"), 2, 3, "invalid comment character"),
        (bytes(b"version = 1\rdefault = \"deny\""), 1, 13, "carriage return must be followed by newline"),
    ];
    Class { name: "encoding", rows }
}

pub(super) fn nesting() -> Class {
    let rows = vec![
        (file(&format!("x = {}{}", "[".repeat(81), "]".repeat(81))), 3, 85, "nested too deep"),
        (file(&format!("x = {}{}", "[".repeat(5_000), "]".repeat(5_000))), 3, 85, "nested too deep"),
        (file(&format!("x = {}1{}", "{ a = ".repeat(81), " }".repeat(81))), 3, 485, "nested too deep"),
        (file(&format!("{}x = 1", "a.".repeat(81))), 1, 1, "nested too deep"),
        (file(&format!("[{}x]", "a.".repeat(81))), 1, 1, "nested too deep"),
        (file(&format!("x = {}", "[".repeat(60_000))), 3, 85, "nested too deep"),
    ];
    Class { name: "nesting", rows }
}

pub(super) fn size() -> Class {
    let rows = vec![
        (text(&" ".repeat(MAX_BYTES + 1)), 1, 1, "at most 1048576 are read"),
        (file(&format!("# {}", "x".repeat(MAX_BYTES))), 1, 1, "at most 1048576 are read"),
        (bytes(&vec![0xff; MAX_BYTES + 1]), 1, 1, "at most 1048576 are read"),
        (
            file(&(0..300).map(|key| format!("k{key} = 1\n")).collect::<String>()),
            257,
            1,
            "a table has at most 256 keys",
        ),
        (
            rule(&format!(
                "[rules.target]\nfields = {{ {} }}",
                (0..300).map(|key| format!("k{key} = '1'")).collect::<Vec<_>>().join(", ")
            )),
            7,
            2974,
            "a table has at most 256 keys",
        ),
        (rule(&format!("why = \"{}\"", "x".repeat(501))), 6, 7, "must be one line"),
        (rule("").replace("\"r\"", &format!("\"{}\"", "r".repeat(65))), 4, 8, "is not a name"),
    ];
    Class { name: "size", rows }
}

pub(super) fn dates() -> Class {
    let rows = vec![
        (text("version = 2026-01-02\ndefault = \"deny\""), 1, 11, "must be a whole number, not a date"),
        (file("audit_retention_days = 2026-01-02"), 3, 24, "must be a whole number, not a date"),
        (rule("why = 2026-01-02"), 6, 7, "must be a string, not a date"),
        (rule("uid = 07:32:00"), 6, 7, "must be a whole number, not a date"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = 00:10:00"), 8, 13, "`lease_ttl` must be"),
        (rule("why = 2026-13-40"), 6, 7, "`why` must be a string"),
        (rule("[rules.command]\nargv = [1979-05-27T07:32:00Z]"), 7, 9, "must be a string, not a date"),
    ];
    Class { name: "dates", rows }
}

pub(super) fn duplicate() -> Class {
    let rows = vec![
        (text("version = 1\nversion = 1\ndefault = \"deny\""), 2, 1, "duplicate key"),
        (
            text(
                "version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\"\nuid = 1\n[[clients]]\nname = \"x\"\nuid = 2",
            ),
            7,
            8,
            "already has a client `x`",
        ),
        (rule("name = \"s\""), 6, 1, "duplicate key"),
        (rule("uid = 1\n[[rules]]\nname = \"r\"\naction = \"deny\"\nuid = 2"), 8, 8, "already has a rule `r`"),
        (profile("name = \"q\""), 2, 1, "duplicate key"),
        (rule("action = \"deny\""), 6, 1, "duplicate key"),
        (rule("uid = 1\nuid = 1"), 7, 1, "duplicate key"),
        (rule("[rules.command]\npath = \"/a\"\n[rules.command]\npath = \"/b\""), 8, 8, "duplicate key"),
        (rule("command.path = \"/a\"\n[rules.command]\nargv = [\"x\"]"), 7, 8, "duplicate key"),
        (rule("[rules.context]\nenv = { A = \"1\", A = \"2\" }"), 7, 18, "duplicate key"),
        (rule("'uid' = 1\n\"uid\" = 2"), 7, 1, "duplicate key"),
        (file("[audit]\nsync = \"disk\"\n[audit]\nsync = \"disk\""), 5, 2, "duplicate key"),
        (file("rules = []\n[[rules]]\nname = \"r\""), 4, 3, "duplicate key"),
        (
            file("[coding_agents.x]\nancestors = [\"x\"]\n[coding_agents.x]\nancestors = [\"y\"]"),
            5,
            16,
            "duplicate key",
        ),
        (rule("[rules.sandbox.limits]\nmemory = \"1GiB\"\nmemory = \"2GiB\""), 8, 1, "duplicate key"),
        (profile("[fs]\nread = []\nread = []"), 4, 1, "duplicate key"),
        (
            file(
                "[[rules]]\nname = \"a\"\naction = \"deny\"\nuid = 1\n[[rules]]\nname = \"b\"\naction = \"deny\"\nuid = 2\n[[rules]]\nname = \"a\"\naction = \"deny\"\nuid = 3",
            ),
            12,
            8,
            "already has a rule `a`",
        ),
    ];
    Class { name: "duplicate key", rows }
}
