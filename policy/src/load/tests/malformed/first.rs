//! Policy v1.

use super::*;

pub(super) fn v1() -> Class {
    let rows = vec![
        (text("[[rules]]\nname = \"r\"\nallow = true"), 1, 1, "`operation_pattern` is missing"),
        (text("[[rules]]\noperation_pattern = \"x\"\nallow = true"), 1, 1, "`name` is missing"),
        (text("[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\n"), 1, 1, "`allow` is missing"),
        (
            text("[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = \"yes\""),
            4,
            9,
            "must be true or false",
        ),
        (
            text("[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\naction = \"allow\""),
            5,
            1,
            "unknown key `action`",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\nclient_types = [\"ci\"]",
            ),
            5,
            17,
            "knows `human` and `agent`",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\nclient_types = [\"robot\"]",
            ),
            5,
            17,
            "is not a value",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\n[rules.approval]\nrequire = \"always\"",
            ),
            5,
            8,
            "without a factor",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\n[rules.approval]\nrequire = \"always\"\nfactors = []",
            ),
            7,
            11,
            "without a factor",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\n[rules.approval]\nrequire = \"always\"\nfactors = [\"sms\"]",
            ),
            7,
            12,
            "is not a value",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\n[rules.approval]\nrequire = \"first_use\"\nfactors = [\"local_bio\"]\nlease_ttl = 7200",
            ),
            8,
            13,
            "an hour at most",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\n[rules.command]\npath = \"/x\"",
            ),
            5,
            8,
            "unknown key `command`",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\n[rules.workspace]\nrequire_clean = \"yes\"",
            ),
            6,
            17,
            "must be true or false",
        ),
        (
            text(
                "[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true\n[rules.workspace]\nremote_url_pattern = \"github.com\"",
            ),
            6,
            22,
            "`host/path`",
        ),
        (text("[[known_human_clients]]\nname = \"x\""), 1, 1, "could be anything"),
        (text("[[known_human_clients]]\nexe_path = \"~x\""), 2, 12, "regular expression"),
        (
            text(
                "audit_retention_days = 0\n[[rules]]\nname = \"r\"\noperation_pattern = \"sandbox.exec\"\nallow = true",
            ),
            1,
            24,
            "is 1 to",
        ),
        (text("[[rules]]\nname = \"r\"\noperation_pattern = \"a?\"\nallow = true"), 3, 21, "`?` is not a wildcard"),
    ];
    Class { name: "Policy v1", rows }
}
