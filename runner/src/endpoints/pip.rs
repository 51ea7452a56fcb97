//! pip's index: `pip.conf` of the machine and of the person, and `PIP_*`. pip cannot be asked for its default.

use std::collections::BTreeMap;

use opaque_policy::facts::Resolved;
use opaque_policy::path::AbsPath;
use opaque_policy::text::Text;

use super::Outcome;
use super::settings::{Setting, Settings, Unusable, below};

/// What is read, as pip normalises names.
const KEYS: [&str; 4] = ["index-url", "extra-index-url", "trusted-host", "cert"];
/// Sections that count for an installation, the stronger word last.
const SECTIONS: [&str; 2] = ["global", "install"];

/// What pip is configured to use.
pub(super) fn look(settings: &Settings<'_>) -> Result<Outcome, Unusable> {
    let known = read(settings)?;
    let mut resolved = Resolved::default();
    let mut env = Vec::new();
    let main = known.get("index-url").map(|setting| setting.open(&mut resolved)).transpose()?.flatten();
    env.extend(main.as_deref().map(|url| variable("PIP_INDEX_URL", url)));
    let mut extra = Vec::new();
    if let Some(setting) = known.get("extra-index-url") {
        for word in setting.value.split_whitespace() {
            extra.extend(Setting { value: word.to_owned(), ..setting.clone() }.open(&mut resolved)?);
        }
    }
    if !extra.is_empty() {
        env.push(variable("PIP_EXTRA_INDEX_URL", &extra.join(" ")));
    }
    if let Some(setting) = known.get("trusted-host") {
        let is_plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
        let hosts: Vec<&str> = setting.value.split_whitespace().filter(is_plain).collect();
        env.push(variable("PIP_TRUSTED_HOST", &hosts.join(" ")));
    }
    resolved.env.extend(env);
    if let Some(setting) = known.get("cert") {
        settings.certificates(&mut resolved, "PIP_CERT", setting.value.trim());
    }
    let is_known = known.contains_key("index-url");
    let why = "no `pip.conf` of yours names an index, and pip cannot be asked for its default";
    Ok(Outcome { resolved, lacks: (!is_known).then(|| why.to_owned()) })
}

fn variable(name: &str, value: &str) -> (Text, Text) {
    (Text::from(name), Text::from(value))
}

/// Everything that is set, the strongest word last: machine, person, `PIP_CONFIG_FILE`, variables.
fn read(settings: &Settings<'_>) -> Result<BTreeMap<String, Setting>, Unusable> {
    let mut files: Vec<AbsPath> =
        ["/etc/xdg/pip/pip.conf", "/etc/pip.conf"].iter().filter_map(|path| AbsPath::new(path).ok()).collect();
    let named = settings.variable_path("PIP_CONFIG_FILE");
    match named {
        // pip's own way to say: no file at all.
        Some(path) if path.as_bytes() == b"/dev/null" => files.clear(),
        Some(path) => files.push(path),
        None => files.extend([settings.in_home(".pip/pip.conf"), below(&settings.config_home(), "pip/pip.conf")]),
    }
    let mut known = BTreeMap::new();
    for path in files {
        if let Some(text) = settings.file(&path)? {
            let parsed = parse(&text);
            for wanted in SECTIONS {
                let own = parsed.iter().filter(|(section, key, _)| section == wanted && KEYS.contains(&key.as_str()));
                for (_, key, value) in own {
                    let place = path.to_string();
                    known.insert(key.clone(), Setting { name: key.clone(), place, value: value.clone() });
                }
            }
        }
    }
    for key in KEYS {
        let variable = format!("PIP_{}", key.to_ascii_uppercase().replace('-', "_"));
        known.extend(settings.variable_setting(&variable).map(|setting| (key.to_owned(), setting)));
    }
    Ok(known)
}

/// `[section]`, `key = value` or `key: value`, and lines that go on when they are indented.
fn parse(text: &str) -> Vec<(String, String, String)> {
    let mut settings: Vec<(String, String, String)> = Vec::new();
    let mut section = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && let Some((_, _, value)) = settings.last_mut()
        {
            value.push(' ');
            value.push_str(trimmed);
        } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some(at) = trimmed.find(['=', ':'])
            && let Some((key, rest)) = trimmed.split_at_checked(at)
        {
            let key = key.trim().trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
            let value = rest.trim_start_matches(['=', ':']).trim().to_owned();
            settings.push((section.clone(), key, value));
        }
    }
    settings
}
