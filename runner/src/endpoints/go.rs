//! Go's module proxies and checksum database: `go/env` of the person, `GOPROXY` and `GOSUMDB`, and what `go` itself says.

use opaque_policy::facts::Resolved;
use opaque_policy::text::Text;

use super::settings::{Setting, Settings, Unusable, below};
use super::{Ask, Outcome};

/// What Go is configured to use.
pub(super) fn look(settings: &Settings<'_>, ask: Ask<'_>) -> Result<Outcome, Unusable> {
    let (mut proxy, mut database) = (read(settings, "GOPROXY")?, read(settings, "GOSUMDB")?);
    let mut lacks = None;
    if proxy.is_none() || database.is_none() {
        match ask(&["go", "env", "GOPROXY", "GOSUMDB"]) {
            Ok(answer) => {
                let mut lines = answer.lines().map(|line| line.trim().to_owned());
                let mut own = |name: &str| {
                    let value = lines.next().filter(|line| !line.is_empty())?;
                    Some(Setting { name: name.to_owned(), place: "go's own default".to_owned(), value })
                };
                let (own_proxy, own_database) = (own("GOPROXY"), own("GOSUMDB"));
                proxy = proxy.or(own_proxy);
                database = database.or(own_database);
            }
            Err(why) if proxy.is_none() => lacks = Some(format!("you have not set `GOPROXY`, and {why}")),
            Err(_) => {}
        }
    }
    let mut resolved = Resolved::default();
    match &proxy {
        Some(proxy) => proxies(proxy, &mut resolved)?,
        None if lacks.is_none() => lacks = Some("neither you nor `go` name a proxy".to_owned()),
        None => {}
    }
    match &database {
        Some(database) => checksums(database, &mut resolved)?,
        None if proxy.is_some() => resolved.notes.push("it is not known which checksum database `go` uses".to_owned()),
        None => {}
    }
    if let Some(file) = settings.variable("SSL_CERT_FILE") {
        settings.certificates(&mut resolved, "SSL_CERT_FILE", file);
    }
    Ok(Outcome { resolved, lacks })
}

/// A list of URLs and the words `direct` and `off`, with `,` or `|` between them.
fn proxies(setting: &Setting, resolved: &mut Resolved) -> Result<(), Unusable> {
    let mut list = String::new();
    for part in setting.value.split_inclusive([',', '|']) {
        let word = part.trim_end_matches([',', '|']).trim();
        let separator = part.chars().last().filter(|last| matches!(last, ',' | '|'));
        match word {
            "" => continue,
            "off" | "direct" => list.push_str(word),
            url => match (Setting { value: url.to_owned(), ..setting.clone() }).open(resolved)? {
                Some(url) => list.push_str(&url),
                // A proxy in a directory of this machine does not exist inside.
                None => continue,
            },
        }
        list.extend(separator);
    }
    let list = list.trim_end_matches([',', '|']);
    if list == "direct" {
        let note = "`GOPROXY` is `direct`: modules come from their own hosts, which need `--allow-net HOST` each";
        resolved.notes.push(note.to_owned());
    }
    if !list.is_empty() {
        resolved.env.insert(Text::from("GOPROXY"), Text::from(list));
    }
    Ok(())
}

/// `off`, or a name that may carry a key, and a URL where that is not the name.
fn checksums(setting: &Setting, resolved: &mut Resolved) -> Result<(), Unusable> {
    let mut words = setting.value.split_whitespace();
    let (Some(name), url) = (words.next(), words.next()) else { return Ok(()) };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+/=:".contains(&byte);
    if !name.bytes().all(is_plain) {
        return Err(Unusable::at(&setting.place, "`GOSUMDB` is not the name of a checksum database"));
    }
    let mut value = name.to_owned();
    if name != "off" {
        let host = name.split('+').next().unwrap_or(name);
        let place = url.map_or_else(|| format!("https://{host}"), str::to_owned);
        let opened = Setting { value: place, ..setting.clone() }.open(resolved)?;
        if let (Some(_), Some(opened)) = (url, opened) {
            value = format!("{name} {opened}");
        }
    }
    resolved.env.insert(Text::from("GOSUMDB"), Text::from(value.as_str()));
    Ok(())
}

/// A variable, or the line of Go's own file of variables.
fn read(settings: &Settings<'_>, name: &str) -> Result<Option<Setting>, Unusable> {
    if let Some(setting) = settings.variable_setting(name) {
        return Ok(Some(setting));
    }
    let path = match settings.variable("GOENV") {
        Some("off") => return Ok(None),
        Some(_) => settings.variable_path("GOENV"),
        None => Some(below(&settings.config_home(), "go/env")),
    };
    let Some(path) = path else { return Ok(None) };
    let Some(text) = settings.file(&path)? else { return Ok(None) };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let value = pairs
        .filter(|(key, value)| *key == name && !value.trim().is_empty())
        .map(|(_, value)| value.trim())
        .next_back();
    Ok(value.map(|value| Setting { name: name.to_owned(), place: path.to_string(), value: value.to_owned() }))
}
