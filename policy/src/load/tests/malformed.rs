//! Malformed documents, one mistake each, and the place where each is refused.

use super::*;

#[test]
fn every_malformed_policy_is_refused_at_its_place() {
    let ask = |lines: &str| rule(lines).replace("\"allow\"", "\"ask\"");
    let cases: Vec<(String, usize, usize, &str)> = vec![
        (String::new(), 1, 1, "`version` is missing"),
        ("default = \"deny\"".into(), 1, 1, "`version` is missing"),
        ("version = 2\ndefault = \"deny\"".into(), 1, 11, "version 2 is not known here"),
        ("version = \"1\"\ndefault = \"deny\"".into(), 1, 11, "must be a whole number"),
        ("version = -1\ndefault = \"deny\"".into(), 1, 11, "must be a whole number from 0"),
        ("version = 1".into(), 1, 1, "the user layer has no `default`"),
        ("version = 1\ndefault = \"alow\"".into(), 2, 11, "`alow` is not a value of `default`"),
        ("version = 1\ndefault = true".into(), 2, 11, "`default` must be a string"),
        ("version = 1\ndefault = \"ask\"".into(), 2, 11, "needs `[default_approval]`"),
        ("version = 1\ndefault = \"ask\"\n[default_approval]\nrequire = \"never\"".into(), 4, 11, "contradicts"),
        ("version = 1\ndefault = \"deny\"\n[default_approval]\nrequire = \"always\"".into(), 3, 2, "only for"),
        ("version = 1\nversion = 1\ndefault = \"deny\"".into(), 2, 1, "duplicate key"),
        ("version = 1\ndefault = \"deny\"\n[rules]\nname = \"r\"".into(), 3, 1, "`rules` must be a list"),
        ("version = 1\ndefault = \"deny\"\nrules = [1]".into(), 3, 10, "`rules` must be a table"),
        ("version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\"".into(), 3, 3, "`clients` is not supported yet"),
        ("version = 1\ndefault = \"deny\"\naudit_retention_days = 0".into(), 3, 24, "is 1 to"),
        ("version = 1\ndefault = \"deny\"\n[audit]\nsync = \"disc\"".into(), 4, 8, "`disc` is not a value"),
        ("version = 1\ndefault = \"deny\"\n[audit]".into(), 3, 1, "`sync` is missing"),
        ("version = 1\ndefault = \"deny\"\nx = [".into(), 3, 6, ""),
        ("version = 1\ndefault = deny".into(), 2, 11, ""),
        ("version = 1\ndefault = \"deny\"\n[[rules]]\naction = \"deny\"".into(), 3, 1, "`name` is missing"),
        ("version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"r\"".into(), 3, 1, "`action` is missing"),
        (rule("alow = true"), 6, 1, "unknown key `alow`"),
        (rule("name = \"s\""), 6, 1, "duplicate key"),
        (rule("roles = [\"x\"]"), 6, 1, "`roles` is not supported yet"),
        (rule("uid = []"), 6, 7, "`uid` is empty"),
        (rule("uid = -5"), 6, 7, "must be a whole number"),
        (rule("uid = 4294967295"), 6, 7, "this is not a uid"),
        (rule("uid = \"root\""), 6, 7, "must be a whole number"),
        (rule("client_types = []"), 6, 16, "is empty"),
        (rule("client_types = [\"bot\"]"), 6, 17, "`bot` is not a value"),
        (rule("client_types = [\"ci\"]"), 6, 1, "is a derived fact"),
        (rule("trust = \"claimed\""), 6, 9, "`claimed` is not a value"),
        (rule("operation = \"\""), 6, 13, "the pattern is empty"),
        (rule("why = \"\""), 6, 7, "must be one line"),
        (rule("why = \"a\\nb\""), 6, 7, "must be one line"),
        (rule("[rules.command]"), 6, 8, "`command` is empty"),
        (rule("[rules.command]\npath = \"npm\""), 7, 8, "not absolute"),
        (rule("[rules.command]\npath = \"/usr/../bin/npm\""), 7, 8, "`..` component"),
        (rule("[rules.command]\npath = \"/usr/bin/[ab]\""), 7, 8, "`[` is not a wildcard"),
        (rule("[rules.command]\npath = \"/usr/b**\""), 7, 8, "`**` has no meaning"),
        (rule("[rules.command]\npath = \"~/bin/x\""), 7, 8, "regular expression"),
        (rule("[rules.command]\nsha256 = \"abc\""), 7, 10, "64 hexadecimal digits"),
        (rule("[rules.command]\nsha256 = []"), 7, 10, "is empty"),
        (rule("[rules.command]\nargv = []"), 7, 8, "is empty"),
        (rule("[rules.command]\nargv = [\"**\", \"x\"]"), 7, 9, "must be the last"),
        (rule("[rules.command]\nargv = [\"~a.*\"]"), 7, 9, "regular expression"),
        (rule("[rules.command]\nargv = [{ flag = \"--tag\" }]"), 7, 9, "not supported yet"),
        (rule("[rules.command]\nargv = \"publish\""), 7, 8, "must be a list"),
        (rule("[rules.command]\nclass = [\"publish\"]"), 7, 1, "not supported yet"),
        (rule("command = \"/usr/bin/npm\""), 6, 11, "`command` must be a table"),
        (rule("[rules.approval]\nrequire = \"always\""), 7, 11, "contradicts"),
        (rule("[rules.approval]\nfactors = [\"tty\"]"), 7, 1, "not supported yet"),
        (ask("[rules.approval]\nrequire = \"never\""), 7, 11, "contradicts"),
        (ask("[rules.approval]"), 6, 1, "`require` is missing"),
        (rule("").replace("\"allow\"", "\"default\""), 5, 10, "not a value of `action`"),
        (rule("").replace("\"r\"", "\"default\""), 4, 8, "a layer's default is called"),
        (rule("").replace("\"r\"", "\"a b\""), 4, 8, "is not a name"),
        (rule("[rules.sandbox]\nprofiles = []"), 7, 12, "is empty"),
        (rule("[rules.sandbox]\nprofile = \"a\"\nprofiles = [\"b\"]"), 7, 11, "is not one of `profiles`"),
        (rule("[rules.sandbox]\nsecrets = [\"A\"]"), 7, 1, "not supported yet"),
        (rule("[rules.sandbox]\negress = [\"a.test:8443\"]"), 7, 11, "needs its protocol"),
        (rule("[rules.sandbox]\negress = \"a.test\""), 7, 10, "`egress`"),
        (rule("[rules.sandbox]\nloopback = [\"10.0.0.1:80\"]"), 7, 13, "is not a loopback address"),
        (rule("[rules.sandbox]\npublish = [\"0\"]"), 7, 12, "is not a port"),
        (rule("[rules.sandbox]\nread = [\"data\"]"), 7, 9, "is no place"),
        (rule("[rules.sandbox]\nwrite = [\"/srv/*\"]"), 7, 10, "not a pattern"),
        (rule("[rules.sandbox]\nmin_tier = \"vm\""), 7, 12, "not supported yet"),
        (rule("[rules.sandbox.limits]\nmemory = 5"), 7, 10, "needs a unit"),
        (rule("[rules.sandbox.limits]\nmemroy = \"5MiB\""), 7, 1, "unknown key `memroy`"),
        (rule("[[rules.examples]]"), 6, 1, "without `match` or `no_match`"),
        (rule("[[rules.examples]]\nmatch = [\"a 'b\"]"), 7, 10, "not closed"),
        (rule("[[rules.examples]]\nno_match = [\"a\"]"), 7, 13, "which it should not"),
        (
            rule("[rules.command]\npath = \"/bin/a\"\n[[rules.examples]]\nmatch = [\"b\"]"),
            9,
            10,
            "does not match its example",
        ),
        (rule("[[rules]]\nname = \"r\"\naction = \"deny\"\nuid = 1"), 7, 8, "is never reached"),
        (rule("uid = 1\n[[rules]]\nname = \"r\"\naction = \"deny\"\nuid = 2"), 8, 8, "already has a rule `r`"),
    ];
    assert!(cases.len() >= 40);
    for (text, line, column, message) in cases {
        let error = refused(&text);
        assert!(error.message().contains(message), "{text}\n{error}");
        assert_eq!((error.line(), error.column()), (line, column), "{text}\n{error}");
        assert!(error.to_string().starts_with(&format!("policy.toml:{line}:{column}: ")), "{error}");
    }
}

#[test]
fn every_malformed_profile_is_refused_at_its_place() {
    let named = |lines: &str| format!("name = \"p\"\n{lines}\n");
    let cases: Vec<(String, usize, usize, &str)> = vec![
        (String::new(), 1, 1, "`name` is missing"),
        (named("name = \"q\""), 2, 1, "duplicate key"),
        (named("[net]\negres = []"), 3, 1, "egres"),
        (named("[net]\negress = [\"*\"]"), 3, 11, "wildcard"),
        (named("[net]\negress = [\"*.test\"]"), 3, 11, "two labels"),
        (named("[net]\negress = [\"@nothing\"]"), 3, 11, "no endpoint"),
        (named("[net]\negress = [\"169.254.169.254:80\"]"), 3, 11, "metadata"),
        (named("[net]\negress = [\"\"]"), 3, 11, "names no host"),
        (named("[net]\nloopback = \"open\""), 3, 12, "not a value"),
        (named("[net]\npublish = [8080]"), 3, 12, "string"),
        (named("[secrets.X]\nfrom = \"env:X\""), 2, 2, "`secrets` is not supported yet"),
        (named("[output]\nredact = \"off\""), 2, 2, "not supported yet"),
        (named("min_tier = \"landlock\""), 2, 12, "not supported yet"),
        (named("[fs]\nworkspace = \"cow\""), 3, 13, "not supported yet"),
        (named("[fs]\nworkspace = \"wr\""), 3, 13, "`wr` is not a value"),
        (named("[fs]\nsystem = \"rw\""), 3, 10, "`rw` is not a value"),
        (named("[fs]\nread = [\"x\"]"), 3, 9, "is no place"),
        (named("[fs]\nread = [\"~bob/x\"]"), 3, 9, "is no place"),
        (named("[fs]\nread = [\"/a/../b\"]"), 3, 9, "is no place"),
        (named("[fs]\nprotect = [\"/etc\"]"), 3, 12, "not a path below the workspace"),
        (named("[fs]\nprotect = [\".\"]"), 3, 12, "not a path below the workspace"),
        (named("[fs]\nprotect = [\"../x\"]"), 3, 12, "not a path below the workspace"),
        (named("[fs]\nwriet = []"), 3, 1, "unknown key `wriet`"),
        (named("[env]\npass = [\"LC_*\"]"), 3, 9, "not the name of a variable"),
        (named("[env]\npass = [\"LD_PRELOAD\"]"), 3, 9, "never passed"),
        (named("[env]\nset = { \"A=B\" = \"1\" }"), 3, 9, "not the name of a variable"),
        (named("[env]\nset = { A = 1 }"), 3, 13, "`A` must be a string"),
        (named("[env]\nset = { A = \"\\u0000\" }"), 3, 13, "NUL"),
        (named("[limits]\npids = \"5\""), 3, 8, "must be a whole number"),
        (named("[limits]\npids = 0"), 3, 8, "is zero"),
        (named("[limits]\nwall = \"5\""), 3, 8, "is not a duration"),
        (named("[limits]\ncpu = 2.0"), 3, 7, "must be a string"),
        (named("[limits]\nmemory = { required = true }"), 3, 10, "`max` is missing"),
        (named("[limits]\nmemory = { max = \"1GiB\", hard = true }"), 3, 26, "unknown key `hard`"),
        (named("[[examples]]\nrun = [\"true\"]"), 2, 1, "`shows` is missing"),
        (named("[[examples]]\nshows = \"x\"\nrun = []"), 4, 7, "is empty"),
        (named("[[examples]]\nshows = \"x\"\nrun = [\"a\"]\nexit = 256"), 5, 8, "0 to 255"),
    ];
    for (text, line, column, message) in cases {
        let error = profile(&text).err().unwrap_or_else(|| panic!("this loaded:\n{text}"));
        assert!(error.message().contains(message), "{text}\n{error}");
        assert_eq!((error.line(), error.column()), (line, column), "{text}\n{error}");
    }
}
