//! Rules that contradict themselves or each other.

use super::*;

pub(super) fn grade() -> Class {
    let rows = vec![
        (rule("[rules.workspace]\nbranch_pattern = \"main\""), 7, 1, "is a derived fact"),
        (rule("[rules.workspace]\nrequire_clean = true"), 7, 1, "is a derived fact"),
        (rule("[rules.context]\nprocess_name = \"git\""), 7, 1, "is a derived fact"),
        (rule("trust = \"derived\"\n[rules.context]\nenv = { A = \"1\" }"), 8, 1, "what the caller says"),
        (rule("client_types = [\"ci\"]"), 6, 1, "is a derived fact"),
        (rule("[rules.command]\nclass = [\"publish\"]"), 7, 1, "is a derived fact"),
        (rule("[rules.context]\nis_coding_agent = false"), 7, 1, "is a derived fact"),
        (rule("[rules.context]\norigin = \"tty\""), 7, 1, "is a derived fact"),
        (rule("[rules.context]\nssh_dest = \"git.example\""), 7, 1, "is a derived fact"),
        (rule("[rules.workspace]\nremote_url_pattern = \"git.example/a/*\""), 7, 1, "is a derived fact"),
        (rule("client_types = [\"human\"]"), 6, 1, "is a derived fact"),
        (rule("[rules.context]\nenv = { CI = \"1\" }"), 7, 1, "what the caller says"),
        (rule("[rules.context]\nis_in_container = false"), 7, 1, "is a derived fact"),
    ];
    Class { name: "fact that cannot permit", rows }
}

pub(super) fn arguments() -> Class {
    let rows = vec![
        (rule("[rules.command]\nargv = [\"**\", \"x\"]"), 7, 15, "nothing can stand behind"),
        (rule("[rules.command]\nargv = [{}]"), 7, 9, "of one kind"),
        (rule("[rules.command]\nargv = [{ flag = \"tag\" }]"), 7, 18, "is not an option"),
        (rule("[rules.command]\nargv = [{ flag = \"--\" }]"), 7, 18, "is not an option"),
        (rule("[rules.command]\nargv = [{ flag = \"--tag\", one_of = [\"a\"] }]"), 7, 27, "no meaning beside `flag`"),
        (rule("[rules.command]\nargv = [{ flag = \"--tag\" }, \"**\"]"), 7, 8, "takes options too"),
        (rule("[rules.command]\nargv = [{ one_of = [\"-x\"] }]"), 7, 21, "looks like an option"),
        (rule("[rules.command]\nargv = [{ one_of = [\"x\"], text = \"y\" }]"), 7, 9, "of one kind"),
        (rule("[rules.command]\nargv = [{ number = { min = 5, max = 1 } }]"), 7, 20, "nothing could match"),
        (rule("[rules.command]\nargv = [{ rest = { text = \"*\" }, min = 3, max = 2 }]"), 7, 18, "nothing could match"),
        (rule("[rules.command]\nargv = [{ rest = { text = \"*\" } }, \"x\"]"), 7, 36, "nothing can stand behind"),
        (rule("[rules.command]\nargv = [{ flag = \"--tag=next\" }]"), 7, 18, "is not an option"),
        (rule("[rules.command]\nargv = [{ flag = \"-\" }]"), 7, 18, "is not an option"),
        (rule("[rules.command]\nargv = [\"**\", \"**\"]"), 7, 15, "nothing can stand behind"),
        (rule("[rules.command]\nargv = [{ value = { text = \"x\" } }]"), 7, 11, "unknown key `value`"),
        (rule("[rules.command]\nargv = [{ rest = { text = \"*\" }, flag = \"--x\" }]"), 7, 11, "no meaning beside"),
        (rule("[rules.command]\nargv = [{ text = \"*\", min = 1 }]"), 7, 23, "unknown key `min`"),
        (rule("[rules.command]\nargv = [{ one_of = [\"a\\u0000\"] }]"), 7, 21, "NUL"),
    ];
    Class { name: "argument template", rows }
}

pub(super) fn approval() -> Class {
    let rows = vec![
        (text("version = 1\ndefault = \"ask\""), 2, 11, "needs `[default_approval]`"),
        (text("version = 1\ndefault = \"ask\"\n[default_approval]\nrequire = \"never\""), 4, 11, "contradicts"),
        (text("version = 1\ndefault = \"deny\"\n[default_approval]\nrequire = \"always\""), 3, 2, "only for"),
        (rule("[rules.approval]\nrequire = \"always\""), 7, 11, "contradicts"),
        (ask("client_types = [\"agent\"]"), 4, 8, "those who are no humans"),
        (
            ask("client_types = [\"ci\"]\n[rules.approval]\nrequire = \"always\"\nfactors = [\"tty\", \"fido2\"]"),
            4,
            8,
            "those who are no humans",
        ),
        (ask("[rules.approval]\nrequire = \"always\"\nfactors = []"), 8, 11, "without a factor"),
        (ask("[rules.approval]\nrequire = \"always\"\nfactors = {}"), 8, 11, "without a factor"),
        (ask("[rules.approval]\nrequire = \"always\"\nfactors = [\"sms\"]"), 8, 12, "not a value of `factors`"),
        (
            ask("[rules.approval]\nrequire = \"always\"\nfactors = { all = [\"tty\"], any = [\"tty\"] }"),
            8,
            13,
            "contradict",
        ),
        (ask("[rules.approval]\nrequire = \"never\""), 7, 11, "contradicts"),
        (ask("[rules.approval]\nrequire = \"always\"\nfactors = { any = [] }"), 8, 19, "without a factor"),
        (ask("[rules.approval]\nrequire = \"always\"\nfactors = { all = [] }"), 8, 19, "without a factor"),
        (ask("[rules.approval]\nrequire = \"always\"\nfactors = { one = [\"tty\"] }"), 8, 13, "unknown key `one`"),
        (deny("[rules.approval]\nrequire = \"always\""), 6, 8, "takes no approval"),
        (deny("[rules.sandbox]\nprofile = \"default\""), 6, 8, "grants no sandbox"),
        (rule("[rules.approval]\nrequire = \"first_use\""), 7, 11, "contradicts"),
        (text("version = 1\ndefault = \"allow\"\n[default_approval]\nrequire = \"never\""), 3, 2, "only for"),
    ];
    Class { name: "approval", rows }
}

pub(super) fn lease() -> Class {
    let rows = vec![
        (ask("[rules.approval]\nrequire = \"always\"\nlease_ttl = \"5m\""), 8, 1, "no meaning with"),
        (ask("[rules.approval]\nrequire = \"always\"\nbudget = 3"), 8, 1, "no meaning with"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = \"2h\""), 8, 13, "an hour at most"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = 0"), 8, 13, "an hour at most"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = 3601"), 8, 13, "an hour at most"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nbudget = 0"), 8, 10, "at least 1"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = 60\none_time = true"), 8, 1, "no lease remains"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = -5"), 8, 13, "from 0"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = \"soon\""), 8, 13, "`soon` is not a duration"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = \"0s\""), 8, 13, "is zero"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = \"61m\""), 8, 13, "an hour at most"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = \"\""), 8, 13, "`` is not a duration"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nlease_ttl = 1.5"), 8, 13, "must be"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nbudget = 4294967296"), 8, 10, "at least 1"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nbudget = -1"), 8, 10, "from 0"),
        (ask("[rules.approval]\nrequire = \"first_use\"\nbudget = 2\none_time = true"), 8, 1, "no lease remains"),
        (rule("[rules.approval]\nrequire = \"never\"\nlease_ttl = 5"), 8, 1, "no meaning with"),
    ];
    Class { name: "lease", rows }
}

pub(super) fn shadowed() -> Class {
    let rows = vec![
        (rule("[[rules]]\nname = \"r\"\naction = \"deny\"\nuid = 1"), 7, 8, "is never reached"),
        (rule("uid = 1\n[[rules]]\nname = \"s\"\naction = \"deny\"\nuid = 1"), 8, 8, "`s` is never reached: `r`"),
        (rule("uid = [1, 2]\n[[rules]]\nname = \"s\"\naction = \"deny\"\nuid = 2"), 8, 8, "is never reached"),
        (
            rule(
                "command.path = \"/usr/bin/*\"\n[[rules]]\nname = \"s\"\naction = \"deny\"\ncommand.path = \"/usr/bin/git\"",
            ),
            8,
            8,
            "is never reached",
        ),
        (
            rule("command.path = \"/**\"\n[[rules]]\nname = \"s\"\naction = \"deny\"\ncommand.path = \"/usr/bin/*\""),
            8,
            8,
            "is never reached",
        ),
        (
            rule(
                "command.argv = [\"push\", \"**\"]\n[[rules]]\nname = \"s\"\naction = \"deny\"\ncommand.argv = [\"push\", \"origin\"]",
            ),
            8,
            8,
            "is never reached",
        ),
        (
            rule("command.argv = [\"pu*\"]\n[[rules]]\nname = \"s\"\naction = \"deny\"\ncommand.argv = [\"push\"]"),
            8,
            8,
            "is never reached",
        ),
        (
            rule(
                "command.path = \"/usr/bin/git\"\n[[rules]]\nname = \"s\"\naction = \"deny\"\ncommand.path = \"/usr/bin/git\"\ncommand.argv = [\"push\"]",
            ),
            8,
            8,
            "is never reached",
        ),
        (
            rule("operation = \"ssh.*\"\n[[rules]]\nname = \"s\"\naction = \"deny\"\noperation = \"ssh.sign\""),
            8,
            8,
            "is never reached",
        ),
        (
            rule(
                "context.cwd = \"/home/**/src\"\n[[rules]]\nname = \"s\"\naction = \"deny\"\ncontext.cwd = \"/home/ann/src\"",
            ),
            8,
            8,
            "is never reached",
        ),
        (
            rule("roles = [\"a\", \"b\"]\n[[rules]]\nname = \"s\"\naction = \"deny\"\nroles = \"b\""),
            8,
            8,
            "is never reached",
        ),
    ];
    Class { name: "shadowed rule", rows }
}

pub(super) fn example() -> Class {
    let rows = vec![
        (rule("[[rules.examples]]\nmatch = [\"a 'b\"]"), 7, 10, "not closed"),
        (rule("[[rules.examples]]\nno_match = [\"a\"]"), 7, 13, "which it should not"),
        (
            rule("[rules.command]\npath = \"/bin/a\"\n[[rules.examples]]\nmatch = [\"b\"]"),
            9,
            10,
            "does not match its example",
        ),
        (
            rule("[rules.command]\npath = \"/usr/bin/git\"\n[[rules.examples]]\nmatch = [\"/tmp/git status\"]"),
            9,
            10,
            "does not match its example",
        ),
        (
            rule("[rules.command]\nargv = [\"a b\"]\n[[rules.examples]]\nmatch = [\"x a b\"]"),
            9,
            10,
            "does not match its example",
        ),
        (
            rule("[rules.command]\nargv = [\"push\"]\n[[rules.examples]]\nno_match = [\"git push\"]"),
            9,
            13,
            "which it should not",
        ),
        (
            rule("[rules.command]\nargv = [\"push\", \"**\"]\n[[rules.examples]]\nno_match = [\"git push --force\"]"),
            9,
            13,
            "which it should not",
        ),
        (rule("[[rules.examples]]\nmatch = [\"a \\\"b\"]"), 7, 10, "not closed"),
        (rule("[[rules.examples]]\nmatch = [\"a \\\\\"]"), 7, 10, "not closed"),
        (rule("[[rules.examples]]\nmatch = [\"a\\u0000 b\"]"), 7, 10, "the name of a program contains a NUL byte"),
    ];
    Class { name: "example that does not hold", rows }
}
