//! The packet filter inside is the one that the plan shows: the kernel's own listing, by nft, is compared with it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use opaque_tests::{Identity, Running, Sandbox, each_identity, eventually, missing, program};
use serde_json::Value;

const GRANTS: &[&str] = &[
    "--allow-net",
    "api.example.test",
    "--allow-net",
    "time.example.test:123/udp",
    "--allow-net",
    "10.1.2.0/24:6379/tcp",
    "--allow-net",
    "10.1.2.3:6380/tcp",
    "--allow-net",
    "[2001:db8::/32]:8443/tls",
    "--allow-net",
    "10.9.0.0/16:7000/udp",
    "--loopback",
    "127.0.0.1:5432",
    "--loopback",
    "[::1]:5432",
];

/// The init of a run: the child of `opaque-run` that lives in another network namespace.
fn init_of(running: &Running) -> Option<String> {
    let net = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let own = net("self")?;
    let children = fs::read_dir(format!("/proc/{}/task", running.pid())).ok()?.flatten();
    let children = children.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<String> =
        children.flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    children.into_iter().find(|pid| net(pid).is_some_and(|net| net != own))
}

/// What nft lists in a run's namespace.
fn listed(sandbox: &Sandbox, nft: &std::path::Path, arguments: &[&str]) -> Value {
    let mut line = arguments.to_vec();
    line.extend(["--", "sh", "-c", "echo ready; sleep 20"]);
    let mut running = sandbox.launch(line).start();
    running.wait_for("ready");
    let mut init = None;
    assert!(eventually(Duration::from_secs(5), || {
        init = init_of(&running);
        init.is_some()
    }));
    let mut command = Command::new("nsenter");
    command.args(["-t", &init.unwrap(), "-n"]).arg(nft).args(["-j", "list", "ruleset"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listing: Value = serde_json::from_slice(&output.stdout).unwrap();
    normal(&listing["nftables"])
}

/// A listing without what is not about rules: handles, the version of nft, what a set holds by now.
fn normal(objects: &Value) -> Value {
    let objects = objects.as_array().unwrap().iter().filter(|object| object.get("metainfo").is_none());
    let mut objects: Vec<Value> = objects.cloned().collect();
    for object in &mut objects {
        for (_, fields) in object.as_object_mut().unwrap() {
            let fields = fields.as_object_mut().unwrap();
            fields.remove("handle");
            fields.remove("elem");
            // nft 1.0.6 lists `dynamic` in its text and leaves it out in JSON; the text is compared in `opaque-sys`.
            fields.remove("flags");
        }
    }
    // nft lists a chain together with its rules; in which order the chains come is not about rules either.
    objects.sort_by_key(|object| {
        let kind = ["table", "set", "chain", "rule"].iter().position(|kind| object.get(kind).is_some());
        (
            kind,
            object.pointer("/rule/chain").map(ToString::to_string),
            object.pointer("/chain/name").map(ToString::to_string),
        )
    });
    Value::Array(objects)
}

fn planned(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let mut line = vec!["--plan", "--json"];
    line.extend(arguments);
    line.extend(["--", "true"]);
    let shown: Value = serde_json::from_slice(&sandbox.run(line).expect(0).stdout).unwrap();
    shown["ruleset"].clone()
}

#[test]
fn the_kernel_has_the_rules_that_the_plan_shows() {
    let nft = [program("nft"), Some("/usr/sbin/nft".into())].into_iter().flatten().find(|path| path.is_file());
    let Some(nft) = nft else { return missing("nft") };
    each_identity(|sandbox| {
        if matches!(sandbox.identity(), Identity::Caller { .. }) {
            return missing("the right to look into a run's network namespace, which root has");
        }
        for grants in [GRANTS, &["--publish", "8080"]] {
            let planned = normal(&planned(sandbox, grants)["nftables"]);
            assert!(planned.as_array().is_some_and(|objects| objects.len() > 10), "{planned:#}");
            let listed = listed(sandbox, &nft, grants);
            let pairs = planned.as_array().unwrap().iter().zip(listed.as_array().unwrap());
            for (planned, listed) in pairs {
                assert_eq!(planned, listed);
            }
            assert_eq!(planned, listed);
        }
    });
}

#[test]
fn without_a_grant_there_are_no_rules_as_nothing_needs_any() {
    let nft = [program("nft"), Some("/usr/sbin/nft".into())].into_iter().flatten().find(|path| path.is_file());
    let Some(nft) = nft else { return missing("nft") };
    each_identity(|sandbox| {
        if matches!(sandbox.identity(), Identity::Caller { .. }) {
            return missing("the right to look into a run's network namespace, which root has");
        }
        assert_eq!(planned(sandbox, &[]), Value::Null);
        assert_eq!(listed(sandbox, &nft, &[]), Value::Array(Vec::new()));
    });
}
