//! Arguments of which a record left some out: what was left out may have been anything.

use crate::matcher::arguments::{Arguments, Element, Rest};
use crate::matcher::verdict::{Match, yes};
use crate::redacted::{Redacted, RedactedFacts, Whole, hides};
use crate::request::Command;
use crate::text::Text;

impl Arguments {
    /// Judges a command. Where nothing was left out, this is whether the vector matches.
    pub(crate) fn judge(&self, command: &Command, redacted: &RedactedFacts) -> Match {
        let whole = || yes(self.matches(command.arguments(), Some(&command.cwd)));
        if redacted.is_empty() {
            return whole();
        }
        if hides(redacted, Whole::Arguments) {
            let is_anything = self.flags.is_empty() && self.each.is_empty() && self.rest == Rest::Anything;
            return if is_anything { Match::Yes } else { Match::Unknown };
        }
        // The program's own name comes first in a record and is no argument here.
        let hidden = |index: usize| redacted.contains(&Redacted::Argument(index + 1));
        let arguments: Vec<Option<&Text>> =
            command.arguments().iter().enumerate().map(|(index, one)| (!hidden(index)).then_some(one)).collect();
        if arguments.iter().all(Option::is_some) {
            whole()
        } else if self.flags.is_empty() {
            self.judge_in_order(&arguments, command)
        } else {
            // What was left out may have been an option, and with it everything behind it something else.
            Match::Unknown
        }
    }

    fn judge_in_order(&self, arguments: &[Option<&Text>], command: &Command) -> Match {
        let cwd = Some(&command.cwd);
        let Some((first, more)) = arguments.split_at_checked(self.each.len()) else { return Match::No };
        let each = self.each.iter().zip(first).map(|(element, argument)| match (argument, element) {
            (Some(argument), element) => yes(element.matches(argument, cwd)),
            (None, Element::Pattern(pattern)) if pattern.is_any() => Match::Yes,
            (None, Element::Pattern(_) | Element::Hole(_)) => Match::Unknown,
        });
        let rest = match &self.rest {
            Rest::Nothing => yes(more.is_empty()),
            Rest::Anything => Match::Yes,
            Rest::Each { hole, least, most } => {
                let fits = yes((*least..=*most).contains(&more.len()));
                let takes = |one: &Option<&Text>| one.map_or(Match::Unknown, |one| yes(hole.takes(one, cwd)));
                Match::all(std::iter::once(fits).chain(more.iter().map(takes)))
            }
        };
        Match::all(each.chain([rest]))
    }
}
