//! Reads an `endpoints.toml`: which hosts an endpoint means where no tool's configuration says it. Knows no tool.

use std::collections::BTreeMap;

use crate::document::{Document, Item, SourceFile};
use crate::egress::{EndpointName, Opening};
use crate::grammar;
use crate::load::LoadError;
use crate::shape::{Holds, Key, Keys, Shape};

const FILE: Keys = Keys {
    name: "endpoints",
    known: &[
        Key::required("version", Shape::Number { least: VERSION, most: VERSION }, "The version of the format"),
        Key::optional("npm-registry", OPENINGS, "The hosts of npm's registry"),
        Key::optional("cargo-registry", OPENINGS, "The hosts of Cargo's registry"),
        Key::optional("pip-index", OPENINGS, "The hosts of pip's index"),
        Key::optional("go-proxy", OPENINGS, "The hosts of Go's module proxy and checksum database"),
        Key::optional("git-remote", OPENINGS, "The hosts of the repository's remotes"),
    ],
    later: &[],
    holds: Holds::Any,
};

const OPENINGS: Shape = Shape::List(&Shape::Text(&grammar::OPENING));

/// The version of the format.
const VERSION: u64 = 1;

/// What a person states for each endpoint.
pub type Stated = BTreeMap<EndpointName, Vec<Opening>>;

/// Reads one file.
///
/// # Errors
/// The first thing that is wrong in it.
pub fn endpoints(source: &SourceFile) -> Result<Stated, LoadError> {
    let document = Document::parse(&source.file, &source.bytes)?;
    let table = document.root(&FILE)?;
    let version = table.require("version")?;
    if version.number()? != VERSION {
        return Err(version.error("this version of the format is not known").hint("write `version = 1`"));
    }
    let mut stated = Stated::new();
    for name in EndpointName::ALL {
        if let Some(item) = table.get(name.as_str()) {
            stated.insert(name, item.each(opening)?);
        }
    }
    Ok(stated)
}

fn opening(item: &Item<'_>) -> Result<Opening, LoadError> {
    Opening::parse(item.string()?).map_err(|error| item.error(error.to_string()).hint(error.hint()))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn read(text: &str) -> Result<Stated, LoadError> {
        endpoints(&SourceFile { file: "endpoints.toml".to_owned(), bytes: text.as_bytes().to_vec() })
    }

    #[test]
    fn every_endpoint_may_be_stated() {
        for name in EndpointName::ALL {
            let stated = read(&format!("version = 1\n{} = [\"a.example.test\", \"10.0.0.0/8\"]\n", name.as_str()));
            let openings = ["a.example.test:443/tls", "10.0.0.0/8:443/tls"].map(|text| Opening::parse(text).unwrap());
            assert_eq!(stated.unwrap(), Stated::from([(name, openings.to_vec())]));
        }
    }

    #[test]
    fn whatever_is_wrong_is_said_with_its_place() {
        assert_snapshot!(read("version = 1\npip-indx = []\n").unwrap_err(), @r#"
        endpoints.toml:2:1: unknown key `pip-indx`
          pip-indx = []
          ^^^^^^^^
        hint: did you mean `pip-index`?
        "#);
        assert_snapshot!(read("version = 1\npip-index = [\"pip.example.test:8443\"]\n").unwrap_err(), @r#"
        endpoints.toml:2:14: port 8443 needs its protocol
          pip-index = ["pip.example.test:8443"]
                       ^^^^^^^^^^^^^^^^^^^^^^^
        hint: write `:8443/tcp` for any bytes, or `/tls`, `/http`, `/udp`
        "#);
        for text in
            ["", "version = 2", "version = 1\npip-index = \"a.test\"", "version = 1\npip-index = [\"@go-proxy\"]"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
