//! Refuses a file with a rule that can never be reached, where that is certain.

use crate::alike::Alike;
use crate::document::SourceFile;
use crate::load::LoadError;
use crate::load::rule::LoadedRule;
use crate::rule::Rule;
use crate::shadow::shadowed;

/// Refuses a file with a rule that an earlier one shadows. Returns which of its conditions are alike.
pub(crate) fn check(rules: &[LoadedRule], source: &SourceFile) -> Result<Alike, LoadError> {
    let judged: Vec<&Rule> = rules.iter().map(|loaded| &loaded.rule).collect();
    let alike = Alike::among(&judged);
    let Some(first) = shadowed(&judged, &alike).into_iter().next() else { return Ok(alike) };
    let message = format!(
        "the rule `{}` is never reached: `{}` before it matches all that it does",
        first.later.name, first.earlier.name
    );
    let at = rules.iter().find(|loaded| std::ptr::eq(&loaded.rule, first.later)).map(|loaded| loaded.at);
    let error = at.map_or_else(
        || LoadError::new(&source.file, "", 0, 0, message.clone()),
        |at| at.error(source, message.clone()),
    );
    Err(error.hint("move it before the other, or remove one"))
}
