//! Keys that are not there, keys that should be, and values of another kind than the key wants.

use super::*;

pub(super) fn unknown_key() -> Class {
    let rows = vec![
        (text("version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\"\nexe = \"/x\""), 5, 1, "unknown key `exe`"),
        (text("version = 1\ndefault = \"deny\"\n[coding_agents.x]\nancestor = \"x\""), 4, 1, "unknown key `ancestor`"),
        (rule("alow = true"), 6, 1, "unknown key `alow`"),
        (rule("[rules.target]\nrepo = \"x\""), 7, 1, "unknown key `repo`"),
        (rule("[rules.workspace]\nrequire = true"), 7, 1, "unknown key `require`"),
        (rule("[rules.context]\nproces_name = \"x\""), 7, 1, "unknown key `proces_name`"),
        (rule("[rules.sandbox]\negress = \"a.test\""), 7, 10, "`egress`"),
        (rule("[rules.sandbox.limits]\nmemroy = \"5MiB\""), 7, 1, "unknown key `memroy`"),
        (profile("[net]\negres = []"), 3, 1, "egres"),
        (profile("[fs]\nwriet = []"), 3, 1, "unknown key `wriet`"),
        (profile("[limits]\nmemory = { max = \"1GiB\", hard = true }"), 3, 26, "unknown key `hard`"),
        (text("version = 1\ndefualt = \"deny\""), 2, 1, "unknown key `defualt`"),
        (file("Default = \"deny\""), 3, 1, "unknown key `Default`"),
        (file("rule = []"), 3, 1, "unknown key `rule`"),
        (file("\"\" = 1"), 3, 1, "unknown key ``"),
        (rule("clas = \"publish\""), 6, 1, "unknown key `clas`"),
        (rule("[rules.commnad]\npath = \"/a\""), 6, 8, "unknown key `commnad`"),
        (rule("[rules.command]\npaht = \"/a\""), 7, 1, "unknown key `paht`"),
        (rule("[rules.command]\nargs = [\"x\"]"), 7, 1, "unknown key `args`"),
        (rule("[rules.secret_names]\npattern = [\"A\"]"), 7, 1, "unknown key `pattern`"),
        (ask("[rules.approval]\nrequired = \"always\""), 7, 1, "unknown key `required`"),
        (rule("[rules.sandbox]\nnetwork = []"), 7, 1, "unknown key `network`"),
        (rule("[[rules.examples]]\nmatches = [\"a\"]"), 7, 1, "unknown key `matches`"),
        (rule("allow = true"), 6, 1, "unknown key `allow`"),
        (rule("confirm = true"), 6, 1, "unknown key `confirm`"),
        (file("[audit]\nlevel = \"disk\""), 4, 1, "unknown key `level`"),
        (rule("[rules.command]\nargv = [{ flags = \"--x\" }]"), 7, 11, "unknown key `flags`"),
        (rule("[rules.command]\nargv = [{ number = { minimum = 1 } }]"), 7, 22, "unknown key `minimum`"),
        (profile("[filesystem]\nread = []"), 2, 2, "unknown key `filesystem`"),
        (profile("[limits]\nmem = \"1GiB\""), 3, 1, "unknown key `mem`"),
    ];
    Class { name: "unknown key", rows }
}

pub(super) fn table() -> Class {
    let rows = vec![
        (file("[default]\nx = 1"), 3, 2, "duplicate key"),
        (file("[version]"), 3, 2, "duplicate key"),
        (file("[[audit]]\nsync = \"disk\""), 3, 1, "`audit` must be a table, not a list"),
        (file("[clients]\nname = \"x\""), 3, 1, "`clients` must be a list, not a table"),
        (file("[[coding_agents]]\nx = 1"), 3, 1, "must be a table, not a list"),
        (rule("[[rules.command]]\npath = \"/a\""), 6, 1, "`command` must be a table, not a list"),
        (rule("[rules.examples]\nmatch = [\"a\"]"), 6, 1, "`examples` must be a list, not a table"),
        (rule("[[rules.approval]]\nrequire = \"never\""), 6, 1, "must be a table"),
        (rule("[rules.uid]\nx = 1"), 6, 1, "must be a whole number, not a table"),
        (rule("[rules.clients]\nname = \"x\""), 6, 1, "must be a string, not a table"),
        (rule("[audit]\nsync = \"disk\"\ndefault = \"deny\""), 8, 1, "unknown key `default`"),
        (rule("[rules.command]\npath = \"/a\"\nuid = 5"), 8, 1, "unknown key `uid`"),
        (rule("[rules.command]\npath = \"/a\"\naction = \"deny\""), 8, 1, "unknown key `action`"),
        (rule("[rules.workspace]\ncwd = \"/a\""), 7, 1, "unknown key `cwd`"),
        (rule("[command]\npath = \"/a\""), 6, 2, "unknown key `command`"),
        (rule("audit_retention_days = 5"), 6, 1, "unknown key `audit_retention_days`"),
        (rule("[approval]\nrequire = \"never\""), 6, 2, "unknown key `approval`"),
    ];
    Class { name: "wrong table", rows }
}

pub(super) fn missing() -> Class {
    let rows = vec![
        (text(""), 1, 1, "`version` is missing"),
        (text("default = \"deny\""), 1, 1, "`version` is missing"),
        (text("version = 1"), 1, 1, "the user layer has no `default`"),
        (text("version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\""), 3, 1, "would be anybody"),
        (text("version = 1\ndefault = \"deny\"\n[[clients]]\nuid = 1"), 3, 1, "`name` is missing"),
        (text("version = 1\ndefault = \"deny\"\n[coding_agents.x]"), 3, 1, "nothing tells the coding agent `x`"),
        (text("version = 1\ndefault = \"deny\"\n[audit]"), 3, 1, "`sync` is missing"),
        (text("version = 1\ndefault = \"deny\"\n[[rules]]\naction = \"deny\""), 3, 1, "`name` is missing"),
        (text("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\""), 3, 1, "`action` is missing"),
        (ask("[rules.approval]\nfactors = [\"tty\"]"), 6, 1, "`require` is missing"),
        (ask("[rules.approval]"), 6, 1, "`require` is missing"),
        ((Kind::Profile, Vec::new()), 1, 1, "`name` is missing"),
        (profile("[limits]\nmemory = { required = true }"), 3, 10, "`max` is missing"),
        (profile("[[examples]]\nrun = [\"true\"]"), 2, 1, "`shows` is missing"),
        (file("[[rules]]"), 3, 1, "`name` is missing"),
        (file("[[clients]]\nkind = \"agent\""), 3, 1, "`name` is missing"),
        (
            text("version = 1\ndefault = \"ask\"\n[default_approval]\nfactors = [\"fido2\"]"),
            3,
            1,
            "`require` is missing",
        ),
        (rule("[rules.command]\nargv = [{ flag = \"--x\", value = {} }]"), 7, 33, "of one kind"),
        (text("version = 1\ndefault = \"ask\"\n[default_approval]"), 3, 1, "`require` is missing"),
    ];
    Class { name: "missing key", rows }
}

pub(super) fn kind() -> Class {
    let rows = vec![
        (text("version = \"1\"\ndefault = \"deny\""), 1, 11, "must be a whole number"),
        (text("version = 1\ndefault = true"), 2, 11, "`default` must be a string"),
        (text("version = 1\ndefault = \"deny\"\n[rules]\nname = \"r\""), 3, 1, "`rules` must be a list"),
        (text("version = 1\ndefault = \"deny\"\nrules = [1]"), 3, 10, "`rules` must be a table"),
        (text("version = 1\ndefault = \"deny\"\n[coding_agents]\nx = \"y\""), 4, 5, "must be a table"),
        (ask("[rules.context]\nis_coding_agent = \"yes\""), 7, 19, "must be true or false"),
        (rule("uid = -5"), 6, 7, "must be a whole number"),
        (rule("uid = \"root\""), 6, 7, "must be a whole number"),
        (rule("[rules.command]\nargv = \"publish\""), 7, 8, "must be a list"),
        (rule("command = \"/usr/bin/npm\""), 6, 11, "`command` must be a table"),
        (profile("[net]\npublish = [8080]"), 3, 12, "string"),
        (profile("[env]\nset = { A = 1 }"), 3, 13, "`A` must be a string"),
        (profile("[limits]\npids = \"5\""), 3, 8, "must be a whole number"),
        (profile("[limits]\ncpu = 2.0"), 3, 7, "must be a string"),
        (rule("uid = true"), 6, 7, "must be a whole number, not true or false"),
        (rule("uid = 1.5"), 6, 7, "must be a whole number, not a fraction"),
        (rule("why = [\"a\"]"), 6, 7, "must be a string, not a list"),
        (rule("why = 5"), 6, 7, "must be a string, not a whole number"),
        (rule("trust = true"), 6, 9, "must be a string"),
        (rule("client_types = \"human\""), 6, 16, "must be a list, not a string"),
        (rule("clients = 5"), 6, 11, "must be a string"),
        (rule("roles = { a = 1 }"), 6, 9, "must be a string, not a table"),
        (rule("[rules.command]\npath = [\"/a\"]"), 7, 8, "must be a string, not a list"),
        (rule("[rules.command]\nargv = [1]"), 7, 9, "must be a string"),
        (rule("[rules.command]\nargv = [[\"a\"]]"), 7, 9, "must be a string, not a list"),
        (rule("[rules.command]\nargv = [{ rest = \"x\" }]"), 7, 18, "`rest` must be a table"),
        (rule("[rules.command]\nargv = [{ flag = \"--x\", required = 1 }]"), 7, 36, "must be true or false"),
        (rule("[rules.secret_names]\npatterns = 5"), 7, 12, "must be a string"),
        (rule("[rules.sandbox]\nread = \"/srv\""), 7, 8, "`read` must be a list, not a string"),
        (rule("[rules.sandbox]\nlimits = []"), 7, 10, "`limits` must be a table"),
        (rule("[[rules.examples]]\nmatch = \"a\""), 7, 9, "must be a list, not a string"),
        (rule("[[rules.examples]]\nmatch = [1]"), 7, 10, "must be a string"),
        (file("audit = \"disk\""), 3, 9, "`audit` must be a table"),
        (file("audit_retention_days = \"90\""), 3, 24, "must be a whole number"),
        (ask("[rules.approval]\nrequire = true"), 7, 11, "must be a string"),
        (ask("[rules.approval]\nrequire = \"always\"\nfactors = \"tty\""), 8, 11, "must be a list"),
        (profile("[fs]\nread = \"/srv\""), 3, 8, "must be a list, not a string"),
        (profile("[limits]\nfiles = \"1024\""), 3, 9, "must be a whole number"),
    ];
    Class { name: "wrong type", rows }
}

pub(super) fn word() -> Class {
    let rows = vec![
        (text("version = 1\ndefault = \"alow\""), 2, 11, "`alow` is not a value of `default`"),
        (
            text("version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\"\nkind = \"bot\""),
            5,
            8,
            "not a value of `kind`",
        ),
        (text("version = 1\ndefault = \"deny\"\n[audit]\nsync = \"disc\""), 4, 8, "`disc` is not a value"),
        (ask("[rules.context]\norigin = \"web\""), 7, 10, "not a value of `origin`"),
        (ask("[rules.context]\nprovenance = [\"me\"]"), 7, 15, "not a value of `provenance`"),
        (rule("client_types = [\"bot\"]"), 6, 17, "`bot` is not a value"),
        (rule("trust = \"claimed\""), 6, 9, "`claimed` is not a value"),
        (ask("[rules.command]\nclass = [\"publsh\"]"), 7, 10, "`publsh` is not a value of `class`"),
        (rule("").replace("\"allow\"", "\"default\""), 5, 10, "not a value of `action`"),
        (profile("[net]\nloopback = \"open\""), 3, 12, "not a value"),
        (profile("[fs]\nworkspace = \"wr\""), 3, 13, "`wr` is not a value"),
        (profile("[fs]\nsystem = \"rw\""), 3, 10, "`rw` is not a value"),
        (rule("client_types = [\"Human\"]"), 6, 17, "`Human` is not a value"),
        (rule("trust = \"Derived\""), 6, 9, "`Derived` is not a value"),
        (text("version = 1\ndefault = \"DENY\""), 2, 11, "`DENY` is not a value"),
        (text("version = 1\ndefault = \"\""), 2, 11, "`` is not a value"),
        (rule("").replace("\"allow\"", "\"permit\""), 5, 10, "`permit` is not a value of `action`"),
        (rule("").replace("\"allow\"", "\"pass\""), 5, 10, "`pass` is not a value of `action`"),
        (ask("[rules.approval]\nrequire = \"once\""), 7, 11, "`once` is not a value of `require`"),
        (ask("[rules.command]\nclass = \"destroy\""), 7, 9, "`destroy` is not a value of `class`"),
        (rule("[rules.sandbox]\nmin_tier = \"namespace\""), 7, 12, "`namespace` is not a value of `min_tier`"),
    ];
    Class { name: "unknown word", rows }
}

pub(super) fn later() -> Class {
    let rows = vec![
        (rule("[rules.sandbox]\nmin_tier = \"vm\""), 7, 12, "not supported yet"),
        (profile("min_tier = \"landlock\""), 2, 12, "not supported yet"),
        (profile("[fs]\nworkspace = \"cow\""), 3, 13, "not supported yet"),
        (profile("[lifecycle]\ntty = \"auto\""), 2, 2, "`lifecycle` is not supported yet"),
        (profile("cache = [\"~/.cache\"]"), 2, 1, "`cache` is not supported yet"),
        (profile("[fs]\ncache = []"), 3, 1, "`cache` is not supported yet"),
    ];
    Class { name: "not supported yet", rows }
}

/// Keys that mean something in another place.
pub(super) fn elsewhere() -> Class {
    let rows = vec![
        (text("version = 1\ndefault = \"deny\"\n[[approved]]\nintent = \"x\""), 3, 3, "a file of their own"),
        (file("[request]\nprofile = \"npm\""), 3, 2, "does not ask"),
        (rule("lease_ttl = \"5m\""), 6, 1, "unknown key `lease_ttl`"),
        (rule("budget = 5"), 6, 1, "unknown key `budget`"),
        (rule("require_clean = true"), 6, 1, "unknown key `require_clean`"),
        (rule("egress = [\"a.test\"]"), 6, 1, "unknown key `egress`"),
    ];
    Class { name: "in another place", rows }
}
