use std::io::Read;
use std::time::Duration;

use opaque_policy::output::OutputPattern;
use opaque_policy::secret::Source;

use super::*;

const VALUE: &[u8] = b"correct horse battery";

fn grant(name: &str, deliver: Delivery, masking: Masking) -> SecretGrant {
    let source = Source::parse("env:KEPT").unwrap();
    let (name, timeout) = (Text::from(name), Duration::from_secs(1));
    SecretGrant { name, source, deliver, only_with: None, masking, timeout }
}

fn held(secrets: &[(&str, Delivery, Masking, &[u8])]) -> Held {
    let one = |(name, deliver, masking, value): &(&str, Delivery, Masking, &[u8])| {
        let mut locked = Locked::with_capacity(value.len()).unwrap();
        locked.extend(value).unwrap();
        One { grant: grant(name, *deliver, *masking), value: locked }
    };
    Held { secrets: secrets.iter().map(one).collect(), notes: Vec::new() }
}

fn showing(show: Show) -> Output {
    Output { show, ..Output::default() }
}

fn masked(rules: &Rules, text: &str) -> String {
    let mut out = Vec::new();
    let mut redactor = opaque_redact::Redactor::new(rules);
    redactor.push(text.as_bytes(), &mut out);
    redactor.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn each_way_of_delivery_has_the_whole_value_and_no_other_has_it() {
    let held = held(&[
        ("A", Delivery::Env, Masking::Masked, VALUE),
        ("B", Delivery::File, Masking::Masked, b"in the file"),
        ("C", Delivery::Fd, Masking::Masked, &[7; 60_000]),
    ]);
    let variables = held.variables().unwrap();
    let variables: Vec<&[u8]> = variables.iter().map(Locked::as_bytes).collect();
    assert_eq!(variables, [b"A=correct horse battery\0"]);
    assert_eq!(held.file(&Text::from("B")).unwrap().as_bytes(), b"in the file");
    assert!(held.file(&Text::from("A")).is_err());
    let [pipe] = held.pipes().unwrap().try_into().unwrap();
    let mut read = Vec::new();
    std::fs::File::from(pipe).read_to_end(&mut read).unwrap();
    assert!(read == [7; 60_000]);
}

#[test]
fn what_is_masked_follows_the_secret_and_the_profile() {
    let secrets =
        [("A", Delivery::Env, Masking::Masked, VALUE), ("B", Delivery::Env, Masking::Unmasked, b"1234" as &[u8])];
    let line = "correct horse battery 1234 ghp_0123456789abcdefghijABCDEFGHIJ012345 T-123456789";
    let rules = |show| held(&secrets).rules(&showing(show)).unwrap();
    assert_eq!(masked(&rules(Show::All), line), line);
    assert_eq!(
        masked(&rules(Show::MaskedSecrets), line),
        "*** 1234 ghp_0123456789abcdefghijABCDEFGHIJ012345 T-123456789"
    );
    let pattern = OutputPattern { name: "t".into(), regex: "T-[0-9]{9}".into(), replace: "T-***".into() };
    let output = Output { patterns: vec![pattern], ..showing(Show::MaskedSecretsAndPatterns) };
    let shown = masked(&held(&secrets).rules(&output).unwrap(), line);
    assert!(shown.starts_with("*** 1234 ") && shown.ends_with(" T-***") && !shown.contains("ghp_0123"), "{shown}");
}

#[test]
fn what_cannot_be_masked_is_refused_by_name_and_with_the_way_out() {
    for (value, masking) in [
        (&b"x7!kq"[..], Masking::Masked),
        (b"password", Masking::Masked),
        (b"aaaaaaaaaa", Masking::MaskedShort),
        (b"abc", Masking::MaskedShort),
    ] {
        let held = held(&[("PIN", Delivery::Env, masking, value)]);
        let refusal = held.rules(&showing(Show::MaskedSecrets)).err().unwrap();
        assert!(refusal.message.contains("`PIN`"), "{}", refusal.message);
        assert!(refusal.hints.iter().any(|hint| hint.contains("redact = false")), "{:?}", refusal.hints);
        let said = format!("{} {:?}", refusal.message, refusal.hints);
        assert!(!said.contains(std::str::from_utf8(value).unwrap()), "{said}");
    }
    let short = held(&[("PIN", Delivery::Env, Masking::MaskedShort, b"x7!kq")]);
    assert_eq!(masked(&short.rules(&showing(Show::MaskedSecrets)).unwrap(), "it is x7!kq."), "it is ***.");
    let wrong = OutputPattern { name: "w".into(), regex: "(".into(), replace: String::new() };
    let output = Output { patterns: vec![wrong], ..showing(Show::MaskedSecretsAndPatterns) };
    assert!(held(&[]).rules(&output).err().unwrap().message.contains("`w`"));
}
