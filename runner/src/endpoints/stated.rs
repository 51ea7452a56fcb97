//! `endpoints.toml`: what the person, else the machine, states where no tool's configuration says it.

use opaque_policy::document::SourceFile;
use opaque_policy::load::{self, Stated};
use opaque_policy::path::AbsPath;

use super::EndpointsError;
use super::settings::{Settings, below};

/// The name of the file.
const FILE: &str = "opaque/endpoints.toml";

/// What is stated; for an endpoint that both files name, the person's own word.
pub(super) fn read(settings: &Settings<'_>) -> Result<Stated, EndpointsError> {
    let etc = AbsPath::new("/etc").unwrap_or_else(|_| AbsPath::root());
    let mut stated = Stated::new();
    for path in [below(&etc, FILE), below(&settings.config_home(), FILE)] {
        let file = settings
            .file(&path)
            .map_err(|unusable| EndpointsError::Unusable { why: unusable.why, hint: unusable.hint })?;
        if let Some(text) = file {
            let source = SourceFile { file: path.to_string(), bytes: text.into_bytes() };
            stated.extend(load::endpoints(&source)?);
        }
    }
    Ok(stated)
}
