//! Where a value stands while a run has it: with the command, and in no process, memory, swap or core file beside it.

use std::fs;

use opaque_tests::{each_identity, missing};

#[test]
fn no_process_outside_shows_a_secret() {
    each_identity(|sandbox| {
        // No other test has it on a command line meanwhile.
        let value = format!("only-in-this-test-{}", sandbox.identity().uid());
        let path = sandbox.key();
        sandbox.write(&path, &value);
        let start = ["--secret", &format!("KEY=file:{path}"), "--", "sh", "-c", "echo ready; read line"];
        let mut running = sandbox.launch(start).stdin_open().start();
        running.wait_for("ready");
        let (inside, outside) = shown_by_processes(&value);
        assert!(inside > 0, "the command has it in its environment");
        assert_eq!(outside, Vec::<String>::new());
        running.type_in(b"\n");
        running.wait().expect(0);
        // The same search finds it where it is given by hand.
        let mut twin =
            sandbox.launch_outside(["sh", "-c", "echo ready; read line"]).env("KEY", &value).stdin_open().start();
        twin.wait_for("ready");
        assert!(!shown_by_processes(&value).1.is_empty());
        twin.type_in(b"\n");
        twin.wait().expect(0);
    });
}

/// How many processes inside a sandbox, and which outside of one, show a value in their environment or command line.
fn shown_by_processes(value: &str) -> (usize, Vec<String>) {
    let own = fs::read_link("/proc/self/ns/pid").unwrap();
    let (mut inside, mut outside) = (0, Vec::new());
    for entry in fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
    {
        for file in ["environ", "cmdline"] {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            if bytes.windows(value.len()).any(|window| window == value.as_bytes()) {
                match fs::read_link(entry.path().join("ns/pid")) {
                    Ok(namespace) if namespace != own => inside += 1,
                    Ok(_) | Err(_) => outside.push(format!("{}/{file}", entry.path().display())),
                }
            }
        }
    }
    (inside, outside)
}

#[test]
fn a_supervisor_that_holds_a_secret_has_no_memory_for_others_and_no_core() {
    each_identity(|sandbox| {
        let reads = |pid: i32| {
            sandbox
                .outside(["sh", "-c", &format!("cat /proc/{pid}/environ > /dev/null && head -c0 /proc/{pid}/mem")])
                .code
        };
        let path = sandbox.key();
        let wait = ["--", "sh", "-c", "echo ready; read line"];
        let secret = format!("KEY=file:{path}");
        for (options, is_hidden) in [(&["--secret", secret.as_str()][..], true), (&[], false)] {
            let mut running = sandbox.launch([options, &wait].concat()).stdin_open().start();
            running.wait_for("ready");
            let dumpable = fs::metadata(format!("/proc/{}/environ", running.pid()))
                .map(|data| std::os::unix::fs::MetadataExt::uid(&data));
            // The kernel gives the files of a process that must not be dumped to the superuser.
            let owner = if is_hidden { 0 } else { sandbox.identity().uid() };
            assert_eq!(dumpable.ok(), Some(owner), "{options:?}");
            if !sandbox.identity().is_root() {
                assert_eq!(reads(running.pid()) == Some(0), !is_hidden, "{options:?}");
            }
            running.type_in(b"\n");
            running.wait().expect(0);
        }
    });
}

#[test]
fn what_the_masker_looks_for_is_out_of_swap() {
    each_identity(|sandbox| {
        let path = sandbox.key();
        // Its forms take many times its length.
        sandbox.write(&path, (0..400).map(|number| format!("{:05}", number * 7919 % 99991)).collect::<String>());
        let locked = |profile: &str| {
            sandbox.setting(
                ".config/opaque/profiles/mine.toml",
                &format!("name = \"mine\"\nextends = [\"default\"]\n[secrets.KEY]\nfrom = \"file:{path}\"\n{profile}"),
            );
            let start = ["--profile", "mine", "--secret", "KEY", "--", "sh", "-c", "echo ready; read line"];
            let mut running = sandbox.launch(start).stdin_open().start();
            running.wait_for("ready");
            let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
            running.type_in(b"\n");
            running.wait().expect(0);
            let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap().trim();
            line.trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let (masked, unmasked) = (locked(""), locked("redact = false\n"));
        assert!(masked >= unmasked + 16, "{masked} kB, and {unmasked} kB where nothing is masked");
    });
}

#[test]
fn a_value_stands_in_no_memory_but_the_commands() {
    each_identity(|sandbox| {
        if !is_root() {
            return missing("the superuser, who alone reads the memory of a process that must not be dumped");
        }
        let value = format!("only-in-the-command-{}", sandbox.identity().uid());
        let path = sandbox.key();
        sandbox.write(&path, &value);
        let secret = format!("KEY=file:{path}");
        for deliver in ["env", "file"] {
            let start = [
                "--secret",
                &secret,
                "--deliver",
                deliver,
                "--",
                "sh",
                "-c",
                "V=$(cat $KEY 2>/dev/null || echo $KEY); echo ready; read line",
            ];
            let mut running = sandbox.launch(start).stdin_open().start();
            running.wait_for("ready");
            let supervisor = running.pid();
            let own = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).unwrap();
            let init: i32 = own.split_whitespace().find(|pid| is_init(pid)).unwrap().parse().unwrap();
            let command = fs::read_to_string(format!("/proc/{init}/task/{init}/children")).unwrap();
            let command: i32 = command.split_whitespace().next().unwrap().parse().unwrap();
            assert!(stands_in_memory(command, &value), "the command has it: {deliver}");
            assert!(!stands_in_memory(supervisor, &value), "the supervisor still has it: {deliver}");
            assert!(!stands_in_memory(init, &value), "the init still has it: {deliver}");
            running.type_in(b"\n");
            running.wait().expect(0);
        }
    });
}

/// Only the superuser reads the memory of a process that must not be dumped.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// True for the first process of a pid namespace.
fn is_init(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
}

/// Looks through everything that a process has mapped and may write.
fn stands_in_memory(pid: i32, value: &str) -> bool {
    use std::os::unix::fs::FileExt;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    maps.lines().filter(|line| line.contains(" rw")).any(|line| {
        let (from, to) = line.split_once(' ').and_then(|(range, _)| range.split_once('-')).unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut piece = vec![0; usize::try_from(to - from).unwrap()];
        memory.read_exact_at(&mut piece, from).is_ok() && memchr::memmem::find(&piece, value.as_bytes()).is_some()
    })
}
