//! Patterns, paths, hosts.

use super::*;

pub(super) fn glob() -> Class {
    let rows = vec![
        (ask("[rules.context]\ncgroup = \"a?\""), 7, 10, "`?` is not a wildcard"),
        (rule("[rules.command]\npath = \"/usr/bin/[ab]\""), 7, 8, "`[` is not a wildcard"),
        (rule("[rules.command]\npath = \"~/bin/x\""), 7, 8, "regular expression"),
        (rule("operation = \"ssh.?\""), 6, 13, "`?` is not a wildcard"),
        (rule("operation = \"ssh.**\""), 6, 13, "`**` has no meaning"),
        (rule("operation = \"{a,b}\""), 6, 13, "`{` is not a wildcard"),
        (rule("operation = 'ssh\\x'"), 6, 13, "a backslash must stand"),
        (rule("operation = \"~ssh.*\""), 6, 13, "regular expression"),
        (rule("[rules.command]\npath = \"/usr/bin/a***b\""), 7, 8, "`**` has no meaning"),
        (rule("[rules.command]\npath = \"/usr/{bin,sbin}/x\""), 7, 8, "`{` is not a wildcard"),
        (rule("[rules.command]\npath = '/usr/bin/x\\'"), 7, 8, "a backslash must stand"),
        (rule("[rules.command]\npath = \"\""), 7, 8, "the pattern is empty"),
        (rule("[rules.command]\nargv = [\"a?\"]"), 7, 9, "`?` is not a wildcard"),
        (rule("[rules.command]\nargv = [\"--x=[ab]\"]"), 7, 9, "`[` is not a wildcard"),
        (rule("[rules.command]\nargv = [\"a**b\"]"), 7, 9, "`**` has no meaning"),
        (rule("[rules.command]\nargv = [\"a\\u0000b\"]"), 7, 9, "NUL"),
        (ask("[rules.workspace]\nbranch_pattern = \"release/**\""), 7, 18, "`**` has no meaning"),
        (rule("[rules.secret_names]\npatterns = [\"A?\"]"), 7, 13, "`?` is not a wildcard"),
        (rule("[rules.sandbox]\nenv = [\"A?\"]"), 7, 8, "`?` is not a wildcard"),
    ];
    Class { name: "bad glob", rows }
}

pub(super) fn regex() -> Class {
    let rows = vec![
        (ask("[rules.context]\nssh_dest = \"~(\""), 7, 12, "not a regular expression"),
        (rule("[rules.command]\nargv = [\"~a(\"]"), 7, 9, "not a regular expression"),
        (rule("[rules.command]\nargv = [\"~[a-\"]"), 7, 9, "not a regular expression"),
        (rule("[rules.command]\nargv = [\"~a{2,1}\"]"), 7, 9, "not a regular expression"),
        (rule("[rules.command]\nargv = [\"~(?=a)b\"]"), 7, 9, "not a regular expression"),
        (rule("[rules.command]\nargv = ['~(a)\\1']"), 7, 9, "not a regular expression"),
        (rule("[rules.command]\nargv = [\"~a)|(b\"]"), 7, 9, "not a regular expression"),
        (rule("[rules.command]\nargv = ['~\\w{1000}{10}']"), 7, 9, "too large"),
        (rule("[rules.command]\nargv = [\"~a\\u0000\"]"), 7, 9, "NUL"),
        (rule("[rules.target]\nfields = { repo = \"~*\" }"), 7, 19, "not a regular expression"),
        (ask("[rules.context]\nprocess_name = \"~+\""), 7, 16, "not a regular expression"),
        (ask("[rules.workspace]\nbranch_pattern = \"~(\""), 7, 18, "not a regular expression"),
        (ask("[rules.context]\nenv = { A = \"~[\" }"), 7, 13, "not a regular expression"),
    ];
    Class { name: "bad regular expression", rows }
}

pub(super) fn path() -> Class {
    let rows = vec![
        (
            text("version = 1\ndefault = \"deny\"\n[[clients]]\nname = \"x\"\nexe_path = \"claude\""),
            5,
            12,
            "not absolute",
        ),
        (ask("[rules.context]\ncwd = \"src\""), 7, 7, "not absolute"),
        (rule("[rules.command]\npath = \"npm\""), 7, 8, "not absolute"),
        (rule("[rules.command]\npath = \"/usr/../bin/npm\""), 7, 8, "`..` component"),
        (rule("[rules.command]\nargv = [{ path = { under = \"src\" } }]"), 7, 28, "is no place"),
        (rule("[rules.sandbox]\nread = [\"data\"]"), 7, 9, "is no place"),
        (rule("[rules.sandbox]\nwrite = [\"/srv/*\"]"), 7, 10, "not a pattern"),
        (profile("[fs]\nread = [\"x\"]"), 3, 9, "is no place"),
        (profile("[fs]\nread = [\"~bob/x\"]"), 3, 9, "is no place"),
        (profile("[fs]\nread = [\"/a/../b\"]"), 3, 9, "is no place"),
        (profile("[fs]\nprotect = [\"/etc\"]"), 3, 12, "not a path below the workspace"),
        (profile("[fs]\nprotect = [\".\"]"), 3, 12, "not a path below the workspace"),
        (profile("[fs]\nprotect = [\"../x\"]"), 3, 12, "not a path below the workspace"),
        (rule("[rules.command]\npath = \"/usr//bin/x\""), 7, 8, "`..` component"),
        (rule("[rules.command]\npath = \"/usr/bin/\""), 7, 8, "component"),
        (rule("[rules.command]\npath = \"./x\""), 7, 8, "not absolute"),
        (rule("[rules.command]\npath = \"/usr/./bin/x\""), 7, 8, "component"),
        (rule("[rules.command]\npath = \"*/bin/x\""), 7, 8, "not absolute"),
        (rule("[rules.command]\npath = \"/a\\u0000b\""), 7, 8, "NUL"),
        (rule("[rules.context]\ncwd = \"~/src\""), 7, 7, "regular expression"),
        (rule("[rules.context]\ncwd = [\"/a\", \"b\"]"), 7, 14, "not absolute"),
        (rule("[rules.command]\nargv = [{ path = { under = \"../x\" } }]"), 7, 28, "is no place"),
        (rule("[rules.command]\nargv = [{ path = { under = [\"/a/../b\"] } }]"), 7, 29, "is no place"),
        (rule("[rules.sandbox]\nread = [\"/a/../b\"]"), 7, 9, "is no place"),
        (rule("[rules.sandbox]\nwrite = [\"~ann/x\"]"), 7, 10, "is no place"),
        (rule("[[rules.examples]]\nmatch = [\"./x y\"]"), 7, 10, "is no program"),
    ];
    Class { name: "form of a path", rows }
}

pub(super) fn host() -> Class {
    let rows = vec![
        (ask("[rules.workspace]\nremote_url_pattern = \"*hub.example/x\""), 7, 22, "`*` in a host"),
        (ask("[rules.workspace]\nremote_url_pattern = \"hub.example\""), 7, 22, "`host/path`"),
        (ask("[rules.context]\nssh_dest = \"*github.com\""), 7, 12, "`*` in a host"),
        (rule("[rules.command]\nargv = [{ host = \"a*\" }]"), 7, 18, "`*` in a host"),
        (rule("[rules.sandbox]\negress = [\"a.test:8443\"]"), 7, 11, "needs its protocol"),
        (rule("[rules.sandbox]\nloopback = [\"10.0.0.1:80\"]"), 7, 13, "is not a loopback address"),
        (rule("[rules.sandbox]\npublish = [\"0\"]"), 7, 12, "is not a port"),
        (profile("[net]\negress = [\"*\"]"), 3, 11, "wildcard"),
        (profile("[net]\negress = [\"*.test\"]"), 3, 11, "two labels"),
        (profile("[net]\negress = [\"@nothing\"]"), 3, 11, "no endpoint"),
        (profile("[net]\negress = [\"169.254.169.254:80\"]"), 3, 11, "metadata"),
        (profile("[net]\negress = [\"\"]"), 3, 11, "names no host"),
        (ask("[rules.context]\nssh_dest = \"\""), 7, 12, "no host"),
        (ask("[rules.context]\nssh_dest = \"a..b\""), 7, 12, "no host"),
        (ask("[rules.context]\nssh_dest = \"git@\""), 7, 12, "no host"),
        (ask("[rules.context]\nforwarded_via = \"a*b.example\""), 7, 17, "`*` in a host"),
        (ask("[rules.context]\nssh_dest = \"exa mple\""), 7, 12, "character"),
        (rule("[rules.command]\nargv = [{ host = \"a.*.example\" }]"), 7, 18, "`*` in a host"),
        (rule("[rules.sandbox]\negress = [\"*\"]"), 7, 11, "wildcard"),
        (rule("[rules.sandbox]\negress = [\"http://a.test\"]"), 7, 11, "`a.test` is not a protocol"),
        (rule("[rules.sandbox]\negress = [\"a.test:99999\"]"), 7, 11, "`99999` is not a port"),
        (
            rule("[rules.sandbox]\negress = [\"10.0.0.0/33:80\"]"),
            7,
            11,
            "`10.0.0.0/33` is no block of addresses: the prefix length is not one of this family",
        ),
        (rule("[rules.sandbox]\negress = [\"@\"]"), 7, 11, "there is no endpoint `@`"),
        (rule("[rules.sandbox]\nloopback = [\"localhost:80\"]"), 7, 13, "not a loopback"),
    ];
    Class { name: "form of a host", rows }
}
