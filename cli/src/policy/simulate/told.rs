//! Tells what came of a replay, to a person or as JSON.

use std::fmt::Write as _;

use opaque_policy::answer::Answer;
use opaque_policy::text::Text;

use crate::Wrong;
use crate::policy::simulate::replay::{Example, Group, Outcome, Places};

/// Longest command that is shown whole.
const COMMAND: usize = 100;

/// For a program. The format carries its version.
pub(super) fn json(outcome: &Outcome) -> Result<String, Wrong> {
    #[derive(serde::Serialize)]
    struct Told<'a> {
        version: u32,
        #[serde(flatten)]
        outcome: &'a Outcome,
    }
    let mut text = serde_json::to_string_pretty(&Told { version: 1, outcome })?;
    text.push('\n');
    Ok(text)
}

/// For a person.
pub(super) fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} recorded requests: {} answered as before, {} otherwise, {} undetermined",
        outcome.replayed,
        outcome.same,
        count(&outcome.changed),
        count(&outcome.undetermined)
    );
    if outcome.same_by_another_rule > 0 {
        let _ = writeln!(text, "  of those answered as before, {} by another rule", outcome.same_by_another_rule);
    }
    for group in &outcome.changed {
        tell(&mut text, group);
    }
    for group in &outcome.undetermined {
        tell(&mut text, group);
    }
    let unread = unread(outcome);
    if !unread.is_empty() {
        let _ = write!(text, "\n{unread}");
    }
    text
}

/// The lines that were not replayed, with the first of each kind that should have been.
pub(super) fn unread(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (kind, count) in &outcome.passed_over {
        let _ = writeln!(text, "{count} lines of kind `{}` hold no request", Text::from(kind.as_str()));
    }
    tell_places(&mut text, "decisions of before requests were recorded", &outcome.older);
    tell_places(&mut text, "lines that cannot be read", &outcome.unreadable);
    text
}

fn count(groups: &[Group]) -> u64 {
    groups.iter().map(|group| group.count).sum()
}

fn tell(text: &mut String, group: &Group) {
    let now: Vec<String> = group.now.iter().map(Answer::to_string).collect();
    let _ = writeln!(text, "\n{} → {}: {}", group.then, now.join(" or "), group.count);
    for Example { place, time, command, rule_then, rules_now, depends_on, .. } in &group.first {
        let _ = writeln!(text, "  {}", shown(command));
        let _ = writeln!(text, "    then by `{rule_then}`, now by `{}`", rules_now.join("` or `"));
        if !depends_on.is_empty() {
            let _ = writeln!(text, "    it hangs on {}", depends_on.join(", "));
        }
        let _ = writeln!(text, "    {} {place}", Text::from(time.as_str()));
    }
    if let Some(more) = group.count.checked_sub(group.first.len() as u64).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more");
    }
}

fn tell_places(text: &mut String, what: &str, places: &Places) {
    if places.count > 0 {
        let _ = writeln!(text, "{} {what}:", places.count);
        for place in &places.first {
            let _ = writeln!(text, "  {}", Text::from(place.as_str()));
        }
    }
}

/// Each argument apart, so that nobody takes one with a space in it for two.
fn shown(command: &[String]) -> String {
    let words: Vec<String> =
        command.iter().map(|word| if word.contains([' ', '"']) { format!("{word:?}") } else { word.clone() }).collect();
    let line = words.join(" ");
    match line.char_indices().nth(COMMAND) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(&line)),
        None => line,
    }
}
