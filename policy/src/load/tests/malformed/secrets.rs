//! Mistakes in what a profile says about secrets and output.

use super::{Class, profile};

pub(super) fn secret() -> Class {
    let rows = vec![
        (profile("[secrets.X]\ndeliver = \"env\""), 2, 1, "`from` is missing"),
        (profile("[secrets.X]\nfrom = \"X\""), 3, 8, "`X` is no source of a secret"),
        (profile("[secrets.X]\nfrom = \"bitwarden:x\""), 3, 8, "no source of a secret"),
        (profile("[secrets.X]\nfrom = \"env:A-B\""), 3, 8, "letters, digits and `_`"),
        (profile("[secrets.X]\nfrom = \"file:key\""), 3, 8, "absolute"),
        (profile("[secrets.X]\nfrom = \"pass:../x\""), 3, 8, "pass:ENTRY"),
        (profile("[secrets.X]\nfrom = []"), 3, 8, "empty"),
        (profile("[secrets.X]\nfrom = [\"env:A\", \"env:B\"]"), 3, 18, "only `cmd:` has arguments"),
        (profile("[secrets.X]\nfrom = [\"cmd:token\", \"b\"]"), 3, 9, "absolute path"),
        (profile("[secrets.X]\nfrom = \"env:A\"\nidentity = \"~/k\""), 4, 1, "only an `age:` file"),
        (profile("[secrets.X]\nfrom = \"env:A\"\ndeliver = \"stdin\""), 4, 11, "not a value of `deliver`"),
        (profile("[secrets.X]\nfrom = \"env:A\"\ntimeout = \"1h\""), 4, 11, "at most 10m"),
        (profile("[secrets.X]\nfrom = \"env:A\"\ntimeout = \"soon\""), 4, 11, "is not a duration"),
        (profile("[secrets.X]\nfrom = \"env:A\"\nredact = \"no\""), 4, 10, "must be true or false"),
        (profile("[secrets.X]\nfrom = \"env:A\"\nredact = false\nshort = true"), 2, 1, "leave `short` out"),
        (profile("[secrets.X]\nfrom = \"env:A\"\nttl = \"5m\""), 4, 1, "`ttl` is not supported yet"),
        (profile("[secrets.X-Y]\nfrom = \"env:A\""), 2, 10, "is not the name of a variable"),
        (profile("[secrets.LD_PRELOAD]\nfrom = \"env:A\""), 2, 10, "cannot be called `LD_PRELOAD`"),
        (profile("[secrets.PATH]\nfrom = \"env:A\""), 2, 10, "cannot be called `PATH`"),
        (profile("[secrets.X]\nfrom = \"env:A\"\nonly_with = {}"), 4, 13, "says nothing"),
        (profile("[secrets.X]\nfrom = \"env:A\"\nonly_with = { program = \"npm\" }"), 4, 25, "no absolute path"),
        (profile("[secrets.X]\nfrom = \"env:A\"\nonly_with = { sha256 = \"ab\" }"), 4, 24, "64 hexadecimal digits"),
        (
            profile("[secrets.X]\nfrom = \"env:A\"\nonly_with = { egress = [\"@git-remote\"] }"),
            4,
            25,
            "the workspace names that host",
        ),
        (
            profile("[secrets.X]\nfrom = \"env:A\"\nonly_with = { egress = [\"!a.test\"] }"),
            4,
            25,
            "what may be reached",
        ),
    ];
    Class { name: "secret", rows }
}

pub(super) fn output() -> Class {
    let rows = vec![
        (profile("[output]\nredact = \"on\""), 3, 10, "not a value of `redact`"),
        (profile("[output]\nredact = true"), 3, 10, "must be a string"),
        (profile("[output]\npatterns = [\"x\"]"), 3, 13, "must be a table"),
        (profile("[output]\npatterns = [{ regex = \"x\" }]"), 3, 13, "`replace` is missing"),
        (profile("[output]\npatterns = [{ replace = \"x\" }]"), 3, 13, "`regex` is missing"),
        (
            profile("[output]\nredact = \"secrets\"\npatterns = [{ regex = \"x\", replace = \"y\" }]"),
            2,
            1,
            "never used",
        ),
        (profile("[output]\nsequences = \"drop\""), 3, 13, "not a value of `sequences`"),
        (profile("[output]\non_overflow = \"stop\""), 3, 15, "not a value of `on_overflow`"),
        (profile("[output]\nci = \"gitlab\""), 3, 6, "not a value of `ci`"),
    ];
    Class { name: "output", rows }
}
