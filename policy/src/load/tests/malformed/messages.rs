//! What a person reads: the whole message of one mistake of each class.

use super::*;

#[test]
fn a_message_shows_the_place_what_is_wrong_and_the_fix() {
    let classes = classes();
    let shown = classes.iter().map(|class| {
        let (malformed, ..) =
            class.rows.iter().find(|((_, bytes), ..)| (1..400).contains(&bytes.len())).unwrap_or(&class.rows[0]);
        format!("── {} ──\n{}\n", class.name, refusal(malformed))
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
}

#[test]
fn messages_are_lower_case_have_no_final_period_and_drive_no_terminal() {
    for class in classes() {
        for (malformed, ..) in &class.rows {
            let error = refusal(malformed);
            for part in [Some(error.message()), error.advice()].into_iter().flatten() {
                let begins = part.chars().next().unwrap();
                assert!(!begins.is_uppercase() || part.starts_with("Policy v1"), "{}: {part}", class.name);
                assert!(!part.ends_with('.') && !part.contains('\n'), "{}: {part}", class.name);
            }
            assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n'), "{error}");
            assert!(!error.to_string().contains('\u{202e}'), "{error}");
        }
    }
}
