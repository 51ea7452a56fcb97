//! Finds rules that can never be reached, where that is certain: an earlier rule of the same file
//! has the same condition, or a glob that takes in a literal, for each of its conditions.

use std::collections::HashMap;

use crate::document::SourceFile;
use crate::load::LoadError;
use crate::load::rule::LoadedRule;
use crate::path::AbsPath;

/// Refuses a file with a rule that an earlier one shadows.
pub(crate) fn check(rules: &[LoadedRule], source: &SourceFile) -> Result<(), LoadError> {
    // A rule for one program shadows only rules for the same program, so that most pairs need not be compared.
    let mut for_one: HashMap<&AbsPath, Vec<&LoadedRule>> = HashMap::new();
    let mut for_many: Vec<&LoadedRule> = Vec::new();
    for later in rules {
        let program = later.rule.only_program();
        let same_program = program.and_then(|program| for_one.get(program)).into_iter().flatten();
        if let Some(earlier) = same_program.chain(&for_many).find(|earlier| earlier.rule.covers(&later.rule)) {
            let message = format!(
                "the rule `{}` is never reached: `{}` before it matches all that it does",
                later.rule.name, earlier.rule.name
            );
            return Err(later.at.error(source, message).hint("move it before the other, or remove one"));
        }
        match program {
            Some(program) => for_one.entry(program).or_default().push(later),
            None => for_many.push(later),
        }
    }
    Ok(())
}
