//! Reads `argv`: one element for each argument after the program's name, options that may stand anywhere, and what
//! may follow.

use crate::destination::HostGlob;
use crate::document::{Item, Table};
use crate::grammar;
use crate::load::LoadError;
use crate::load::matchers::{PATTERNS, bad_pattern, full, one_or_many, pattern};
use crate::matcher::arguments::{Arguments, Element, Flag, Hole, Rest, Under};
use crate::path::AbsPath;
use crate::pattern::TextPattern;
use crate::shape::{Holds, Key, Keys, Shape};
use crate::text::Text;

const HOLE: Keys =
    Keys { name: "hole", known: &[ONE_OF, TEXT, NUMBER_HOLE, PATH_HOLE, HOST], later: &[], holds: Holds::One };

const OPTION: Keys = Keys { name: "option", known: &[FLAG, VALUE, REQUIRED], later: &[], holds: Holds::Any };

const FURTHER: Keys = Keys { name: "rest", known: &[REST, LEAST, MOST], later: &[], holds: Holds::Any };

/// The keys of all three: what each is allowed beside is checked when it is read.
const ELEMENT: Keys = Keys {
    name: "element",
    known: &[ONE_OF, TEXT, NUMBER_HOLE, PATH_HOLE, HOST, FLAG, VALUE, REQUIRED, REST, LEAST, MOST],
    later: &[],
    holds: Holds::AtLeastOne,
};

const FLAG: Key = Key::required("flag", Shape::Text(&grammar::OPTION), "An option that may stand anywhere before `--`");
const VALUE: Key = Key::optional("value", Shape::Table(&HOLE), "The option's value, as `--tag=v` or `--tag v`");
const REQUIRED: Key = Key::optional("required", Shape::Boolean, "Whether the option has to be there");
const REST: Key = Key::required("rest", Shape::Table(&HOLE), "All further arguments, each of this kind");
const LEAST: Key = Key::optional("min", Shape::Number { least: 0, most: MANY }, "The fewest further arguments");
const MOST: Key = Key::optional("max", Shape::Number { least: 0, most: MANY }, "The most further arguments");
const ONE_OF: Key =
    Key::optional("one_of", Shape::OneOrMany(&Shape::Text(&grammar::ARGUMENT_WORD)), "One of these words");
const TEXT: Key = Key::optional("text", PATTERNS, "Text, by a pattern or any of a list");
const NUMBER_HOLE: Key = Key::optional("number", Shape::Table(&NUMBER), "A plain whole number");
const PATH_HOLE: Key = Key::optional("path", Shape::Table(&PATH), "A path, by its text");
const HOST: Key = Key::optional("host", Shape::OneOrMany(&Shape::Text(&grammar::HOST)), "A host");

const NUMBER: Keys = Keys {
    name: "number",
    known: &[
        Key::optional("min", Shape::NUMBER, "The least; 0 without this line"),
        Key::optional("max", Shape::NUMBER, "The most; any without this line"),
    ],
    later: &[],
    holds: Holds::Any,
};

const PATH: Keys = Keys {
    name: "path",
    known: &[Key::required("under", Shape::OneOrMany(&Shape::Text(&grammar::UNDER)), "Places that it lies in")],
    later: &[],
    holds: Holds::AtLeastOne,
};

/// The shape of the whole list.
pub(crate) const ARGV: Shape = Shape::FullList(&Shape::Either(&[
    Shape::Text(&grammar::ARGUMENT),
    Shape::Table(&HOLE),
    Shape::Table(&OPTION),
    Shape::Table(&FURTHER),
]));

/// Arguments that a rest may have without a `max`.
const MANY: u64 = 1000;

/// Reads the list.
pub(crate) fn arguments(item: &Item<'_>) -> Result<Arguments, LoadError> {
    let list = item.non_empty_list()?;
    let each = Vec::with_capacity(list.count_all());
    let mut found = Arguments { each, rest: Rest::Nothing, flags: Vec::new() };
    for element in list {
        if found.rest != Rest::Nothing {
            return Err(element.error("nothing can stand behind what takes the rest").hint("move it to the front"));
        }
        if element.is_table() {
            table(&element, &mut found)?;
        } else if element.string()? == "**" {
            found.rest = Rest::Anything;
        } else {
            found.each.push(Element::Pattern(text(&element)?));
        }
    }
    if found.rest == Rest::Anything && !found.flags.is_empty() {
        let error = item.error("`**` takes options too, which the flags beside it are to keep out");
        return Err(error.hint("write `{ rest = { text = \"*\" } }` for any further arguments that are no options"));
    }
    Ok(found)
}

fn text(item: &Item<'_>) -> Result<TextPattern, LoadError> {
    match item.string()? {
        // An empty argument is a value of its own, unlike an empty pattern elsewhere.
        "" => Ok(TextPattern::literal(b"")),
        text => TextPattern::new(text).map_err(|error| bad_pattern(item, &error)),
    }
}

fn table(item: &Item<'_>, found: &mut Arguments) -> Result<(), LoadError> {
    let table = item.table(&ELEMENT)?;
    if let Some(name) = table.get("flag") {
        only(&table, &["flag", "value", "required"], item)?;
        found.flags.push(flag(&name, &table)?);
    } else if let Some(rest) = table.get("rest") {
        only(&table, &["rest", "min", "max"], item)?;
        found.rest = self::rest(&rest, &table)?;
    } else {
        found.each.push(Element::Hole(hole(item)?));
    }
    Ok(())
}

/// Refuses a key that has no meaning beside the others.
fn only(table: &Table<'_>, keys: &[&str], item: &Item<'_>) -> Result<(), LoadError> {
    match table.entries().find(|entry| !keys.contains(&entry.key())) {
        Some(entry) => Err(entry.key_error(format!(
            "`{}` has no meaning beside `{}`",
            entry.key(),
            keys.first().unwrap_or(&item.key())
        ))),
        None => Ok(()),
    }
}

fn flag(name: &Item<'_>, table: &Table<'_>) -> Result<Flag, LoadError> {
    let text = name.string()?;
    let is_option = text.starts_with('-') && !text.trim_start_matches('-').is_empty() && !text.contains(['=', '\0']);
    if !is_option {
        let error = name.error(format!("`{text}` is not an option"));
        return Err(error.hint("write it as it is typed, with its dashes and without its value: `--tag`, `-n`"));
    }
    Ok(Flag {
        name: Text::from(text),
        value: table.get("value").map(|item| hole(&item)).transpose()?,
        is_required: table.get("required").map(|item| item.boolean()).transpose()?.unwrap_or(false),
    })
}

fn rest(item: &Item<'_>, table: &Table<'_>) -> Result<Rest, LoadError> {
    let count = |key| -> Result<Option<usize>, LoadError> {
        let Some(item) = table.get(key) else { return Ok(None) };
        let count = item.number()?;
        let fits = usize::try_from(count).ok().filter(|_| count <= MANY);
        fits.map(Some).ok_or_else(|| item.error(format!("`{key}` is at most {MANY}")))
    };
    let least = count("min")?.unwrap_or(0);
    let most = count("max")?.unwrap_or(MANY as usize);
    if least > most {
        return Err(item.error("`min` is more than `max`, so nothing could match"));
    }
    Ok(Rest::Each { hole: hole(item)?, least, most })
}

/// Reads a value that is filled in: a table with one key.
fn hole(item: &Item<'_>) -> Result<Hole, LoadError> {
    let table = item.table(&HOLE)?;
    let mut kinds = table.entries();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return Err(item
            .error("a value is of one kind")
            .hint("write one of `one_of`, `text`, `number`, `path`, `host`"));
    };
    match kind.key() {
        "one_of" => Ok(Hole::OneOf(one_or_many(&kind, word)?)),
        "text" => Ok(Hole::Text(one_or_many(&kind, pattern)?)),
        "number" => number(&kind),
        "path" => {
            let places = full(&kind, &PATH)?.require("under")?;
            Ok(Hole::Path(one_or_many(&places, under)?))
        }
        _ => Ok(Hole::Host(one_or_many(&kind, host)?)),
    }
}

fn word(item: &Item<'_>) -> Result<Text, LoadError> {
    let text = item.string()?;
    if text.starts_with('-') {
        let error = item.error(format!("`{text}` looks like an option, which a value never takes"));
        return Err(error.hint("declare options with `{ flag = … }`, or write a literal in `argv`"));
    }
    Text::new(text).ok_or_else(|| item.error("an argument holds no NUL"))
}

fn number(item: &Item<'_>) -> Result<Hole, LoadError> {
    let table = item.table(&NUMBER)?;
    let bound = |key, otherwise: u64| match table.get(key) {
        Some(item) => item.number(),
        None => Ok(otherwise),
    };
    let (least, most) = (bound("min", 0)?, bound("max", u64::MAX)?);
    if least > most {
        return Err(item.error("`min` is more than `max`, so nothing could match"));
    }
    Ok(Hole::Number { least, most })
}

fn under(item: &Item<'_>) -> Result<Under, LoadError> {
    match item.string()? {
        "." => Ok(Under::Cwd),
        text => AbsPath::new(text).map(Under::Place).map_err(|error| {
            item.error(format!("`{text}` is no place: {error}"))
                .hint("write `.` for the working directory, or an absolute path")
        }),
    }
}

fn host(item: &Item<'_>) -> Result<HostGlob, LoadError> {
    HostGlob::new(item.string()?).map_err(|error| item.error(error.to_string()).hint("write `host`, `*.host` or `*`"))
}
