//! Texts and numbers that mean nothing.

use super::*;

pub(super) fn number() -> Class {
    let rows = vec![
        (text("version = 2\ndefault = \"deny\""), 1, 11, "version 2 is not known here"),
        (text("version = -1\ndefault = \"deny\""), 1, 11, "must be a whole number from 0"),
        (text("version = 1\ndefault = \"deny\"\naudit_retention_days = 0"), 3, 24, "is 1 to"),
        (rule("uid = 4294967295"), 6, 7, "this is not a uid"),
        (rule("[rules.sandbox.limits]\nmemory = 5"), 7, 10, "needs a unit"),
        (profile("[limits]\npids = 0"), 3, 8, "is zero"),
        (profile("[limits]\nwall = \"5\""), 3, 8, "is not a duration"),
        (profile("[[examples]]\nshows = \"x\"\nrun = [\"a\"]\nexit = 256"), 5, 8, "0 to 255"),
        (file("audit_retention_days = 36501"), 3, 24, "is 1 to"),
        (file("audit_retention_days = -1"), 3, 24, "from 0"),
        (
            file("audit_retention_days = 99999999999999999999"),
            3,
            24,
            "`audit_retention_days` must be a whole number from 0 to 18446744073709551615",
        ),
        (rule("uid = 4294967296"), 6, 7, "this is not a uid"),
        (rule("uid = [1, -1]"), 6, 11, "from 0"),
        (rule("[rules.command]\nargv = [{ rest = { text = \"*\" }, max = 1001 }]"), 7, 40, "`max` is at most 1000"),
        (rule("[rules.command]\nargv = [{ rest = { text = \"*\" }, min = -1 }]"), 7, 40, "from 0"),
        (rule("[rules.command]\nargv = [{ number = { min = -5 } }]"), 7, 28, "from 0"),
        (rule("[rules.sandbox.limits]\npids = -1"), 7, 8, "from 0"),
        (rule("[rules.sandbox.limits]\ncpu = \"0%\""), 7, 7, "zero"),
        (rule("[rules.sandbox.limits]\nmemory = \"0GiB\""), 7, 10, "zero"),
        (rule("[rules.sandbox.limits]\nmemory = \"99999999999GiB\""), 7, 10, "`99999999999GiB` is not a size"),
        (profile("[[examples]]\nshows = \"x\"\nrun = [\"a\"]\nexit = -1"), 5, 8, "from 0"),
        (profile("[limits]\nwall = \"0s\""), 3, 8, "zero"),
    ];
    Class { name: "number out of range", rows }
}

pub(super) fn digest() -> Class {
    let rows = vec![
        (
            text("version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\"\ncodesign_team_id = \"abc\""),
            5,
            20,
            "10 capital",
        ),
        (rule("[rules.command]\nsha256 = \"abc\""), 7, 10, "64 hexadecimal digits"),
        (rule("[rules.command]\nsha256 = \"\""), 7, 10, "64 hexadecimal"),
        (rule(&format!("[rules.command]\nsha256 = \"{}\"", "a".repeat(63))), 7, 10, "64 hexadecimal"),
        (rule(&format!("[rules.command]\nsha256 = \"{}\"", "a".repeat(65))), 7, 10, "64 hexadecimal"),
        (rule(&format!("[rules.command]\nsha256 = \"{}\"", "g".repeat(64))), 7, 10, "64 hexadecimal"),
        (rule(&format!("[rules.command]\nsha256 = \"sha256:{}\"", "a".repeat(64))), 7, 10, "64 hexadecimal"),
        (rule(&format!("[rules.command]\nsha256 = [\"{}\", \"b\"]", "a".repeat(64))), 7, 79, "64 hexadecimal"),
        (rule(&format!("[rules.command]\nsha256 = \" {}\"", "a".repeat(63))), 7, 10, "64 hexadecimal"),
        (file("[[clients]]\nname = \"x\"\nexe_sha256 = \"abc\""), 5, 14, "64 hexadecimal"),
        (file("[[clients]]\nname = \"x\"\ncodesign_team_id = \"abcde12345\""), 5, 20, "10 capital"),
    ];
    Class { name: "form of a digest", rows }
}

pub(super) fn name() -> Class {
    let rows = vec![
        (rule("clients = [\"claude\"]"), 6, 12, "there is no client `claude`"),
        (rule("why = \"\""), 6, 7, "must be one line"),
        (rule("why = \"a\\nb\""), 6, 7, "must be one line"),
        (rule("").replace("\"r\"", "\"default\""), 4, 8, "a layer's default is called"),
        (rule("").replace("\"r\"", "\"a b\""), 4, 8, "is not a name"),
        (rule("[rules.sandbox]\nprofile = \"a\"\nprofiles = [\"b\"]"), 7, 11, "is not one of `profiles`"),
        (profile("[env]\npass = [\"LC_*\"]"), 3, 9, "not the name of a variable"),
        (profile("[env]\npass = [\"LD_PRELOAD\"]"), 3, 9, "never passed"),
        (profile("[env]\nset = { \"A=B\" = \"1\" }"), 3, 9, "not the name of a variable"),
        (profile("[env]\nset = { A = \"\\u0000\" }"), 3, 13, "NUL"),
        (rule("").replace("\"r\"", "\"\""), 4, 8, "is not a name"),
        (rule("").replace("\"r\"", "\"a/b\""), 4, 8, "is not a name"),
        (rule("").replace("\"r\"", "\"r\\u001b[2J\""), 4, 8, "is not a name"),
        (rule("").replace("\"r\"", "\"\u{202e}r\""), 4, 8, "is not a name"),
        (rule("roles = \"a b\""), 6, 9, "is not a name"),
        (file("[[clients]]\nname = \"a b\"\nuid = 1"), 4, 8, "is not a name"),
        (
            file(
                "[[clients]]\nname = \"claude\"\nuid = 1\n[[rules]]\nname = \"r\"\naction = \"deny\"\nclients = [\"claud\"]",
            ),
            9,
            12,
            "there is no client `claud`",
        ),
        (rule("[rules.sandbox]\nprofile = \"a b\""), 7, 11, "is not a name"),
        (rule("why = \"a\\u001b[2Jb\""), 6, 7, "must be one line"),
        (rule("why = \"   \""), 6, 7, "must be one line"),
    ];
    Class { name: "form of a name", rows }
}

pub(super) fn empty() -> Class {
    let rows = vec![
        (rule("roles = []"), 6, 9, "`roles` is empty"),
        (rule("[rules.target]"), 6, 8, "`target` is empty"),
        (rule("[rules.target]\nfields = {}"), 7, 1, "`fields` is empty"),
        (rule("[rules.target]\nfields = { repo = [] }"), 7, 19, "`repo` is empty"),
        (rule("[rules.secret_names]\npatterns = []"), 7, 12, "is empty"),
        (rule("[rules.workspace]"), 6, 8, "`workspace` is empty"),
        (rule("[rules.context]"), 6, 8, "`context` is empty"),
        (ask("[rules.context]\nenv = {}"), 7, 1, "`env` is empty"),
        (rule("uid = []"), 6, 7, "`uid` is empty"),
        (rule("client_types = []"), 6, 16, "is empty"),
        (rule("operation = \"\""), 6, 13, "the pattern is empty"),
        (rule("[rules.command]"), 6, 8, "`command` is empty"),
        (rule("[rules.command]\nsha256 = []"), 7, 10, "is empty"),
        (rule("[rules.command]\nargv = []"), 7, 8, "is empty"),
        (rule("[rules.command]\nargv = [{ one_of = [] }]"), 7, 20, "is empty"),
        (ask("[rules.command]\nclass = []"), 7, 9, "is empty"),
        (rule("[rules.sandbox]\nprofiles = []"), 7, 12, "is empty"),
        (rule("[[rules.examples]]"), 6, 1, "without `match` or `no_match`"),
        (profile("[[examples]]\nshows = \"x\"\nrun = []"), 4, 7, "is empty"),
        (rule("clients = []"), 6, 11, "`clients` is empty"),
        (rule("[rules.secret_names]"), 6, 8, "`secret_names` is empty"),
        (rule("[rules.context]\ncwd = []"), 7, 7, "`cwd` is empty"),
        (rule("[rules.command]\nargv = [{ text = [] }]"), 7, 18, "is empty"),
        (rule("[rules.command]\nargv = [{ path = {} }]"), 7, 11, "is empty"),
        (rule("[rules.command]\nargv = [{ host = [] }]"), 7, 18, "is empty"),
        (rule("examples = []"), 6, 12, "`examples` is empty"),
        (rule("[[rules.examples]]\nmatch = []"), 7, 9, "`match` is empty"),
        (rule("[[rules.examples]]\nmatch = [\"\"]"), 7, 10, "needs a command"),
        (ask("[rules.context]\nprocess_name = []"), 7, 16, "is empty"),
        (ask("[rules.workspace]\nbranch_pattern = []"), 7, 18, "is empty"),
    ];
    Class { name: "empty", rows }
}
