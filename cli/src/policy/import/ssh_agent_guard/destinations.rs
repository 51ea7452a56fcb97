//! Patterns over `[user@]host`. There a glob is over the text; here a host is matched label by label, so that
//! `*github.com` never means `evilgithub.com`. Where that would let a rule restrict less, the text is matched as it was.

use opaque_policy::destination::DestinationPattern;

use super::conditions::Carried;
use crate::policy::import::expression::{Part, carried_over};
use crate::policy::import::pattern::{ANY, ANYTHING, body, collapsed, glob};

/// A pattern over destinations. Without an `@` it is about the host alone.
pub(super) fn destination(written: &str) -> Result<Carried, String> {
    let part = if written.contains('@') { Part::Whole } else { Part::Host };
    if let Some(expression) = written.strip_prefix('~') {
        return super::conditions::expression(expression, part);
    }
    let written = collapsed(written);
    let (user, host) = match written.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, written.as_str()),
    };
    let ours = |host: &str| user.map_or(host.to_owned(), |user| format!("{}@{host}", glob(user)));
    let is_ours = |pattern: &str| DestinationPattern::new(pattern).is_ok();
    // With a user, a star of theirs may take an `@` in; without one the host is what follows the last.
    let exact = match user {
        Some(_) => format!("~{}", body(&written, ANY)),
        None => format!("~(?:{ANYTHING}@)?{}", body(host, "[^@]")),
    };
    let user_is_ours = user.is_none_or(|user| !user.contains('?'));
    let is_literal = !host.contains(['*', '?']);
    if user_is_ours && is_literal && is_ours(&ours(host)) {
        return Ok(Carried::exactly(vec![ours(host)]));
    }
    let below = host.strip_prefix("*.").unwrap_or(host);
    let is_of_labels = host == "*" || (below != host && !below.contains(['*', '?']));
    if user_is_ours && is_of_labels && is_ours(&ours(host)) {
        // What is no host at all, and matched their text, is still restricted.
        return Ok(Carried::exactly(vec![ours(host)]).restricting(vec![ours(host), exact]));
    }
    let ending = host.strip_prefix('*').filter(|ending| ending.starts_with(|c: char| c.is_ascii_alphanumeric()));
    if let Some(ending) = ending.filter(|ending| !ending.contains(['*', '?']))
        && user_is_ours
        && is_ours(&ours(ending))
    {
        let labels = vec![ours(ending), ours(&format!("*.{ending}"))];
        let reason = format!("`{written}` is `{}`: never a host that only ends like it", labels.join("`, `"));
        return Ok(Carried::narrowed(labels, reason).restricting(vec![exact]));
    }
    if !host.contains('*') {
        return Ok(Carried::exactly(vec![exact]));
    }
    let (before, user_body) = match user {
        Some(user) => ("", format!("{}@", body(user, "[^@]"))),
        None => ("(?:(?s-u:.*)@)?", String::new()),
    };
    let labels = format!("~{before}{user_body}{}", body(host, "[^@.]"));
    let reason = format!("in `{written}`, a `*` stays inside one label of the host");
    Ok(Carried::narrowed(vec![labels], reason).restricting(vec![exact]))
}

/// A pattern over the whole text of a destination, its user included.
pub(super) fn whole(written: &str) -> Result<Carried, String> {
    match written.strip_prefix('~') {
        Some(expression) => super::conditions::expression(expression, Part::Whole),
        // A pattern of ours without a user would take any user in.
        None => Ok(Carried::exactly(vec![format!("~{}", body(written, ANY))])),
    }
}

/// True when an expression reads the same at both ends.
pub(super) fn is_anchored(written: &str) -> bool {
    written
        .strip_prefix('~')
        .is_none_or(|expression| carried_over(expression, Part::Whole).is_ok_and(|expression| expression.is_anchored))
}
