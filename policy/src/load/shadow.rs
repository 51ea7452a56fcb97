//! Finds rules that can never be reached, where that is certain: an earlier rule of the same file
//! has the same condition or a glob that takes in a literal, for each of its conditions.

use crate::document::SourceFile;
use crate::load::LoadError;
use crate::load::rule::LoadedRule;

/// Refuses a file with a rule that an earlier one shadows.
pub(crate) fn check(rules: &[LoadedRule], source: &SourceFile) -> Result<(), LoadError> {
    for (index, later) in rules.iter().enumerate() {
        let earlier = rules.iter().take(index).find(|earlier| earlier.rule.covers(&later.rule));
        if let Some(earlier) = earlier {
            let message = format!(
                "the rule `{}` is never reached: `{}` before it matches all that it does",
                later.rule.name, earlier.rule.name
            );
            return Err(later.at.error(source, message).hint("move it before the other, or remove one"));
        }
    }
    Ok(())
}
