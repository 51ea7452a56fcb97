//! What flags and ceilings make of a permission.

use std::collections::BTreeMap;

use super::*;
use crate::facts::{Account, HostFacts, Leads, PathFact, Workspace};
use crate::request::AskedSecret;
use crate::secret::Delivery;

#[test]
fn under_a_policy_a_flag_that_widens_must_fit_the_ceiling() {
    let plain = policy("", MAKE);
    let read = Asked { read: vec![path("/data")], ..Asked::default() };
    assert_snapshot!(told(decide(&plain, &asking(read.clone()))), @r#"
    denied by `user:build`: reading `/data` is not allowed
    hint: leave `/data` out, or list it in `read` under `[rules.sandbox]` of `user:build`, with all that the profile has there
    "#);
    let write = Asked { write: vec![path("/home/ann/out")], ..Asked::default() };
    assert_snapshot!(told(decide(&plain, &asking(write.clone()))), @r#"
    denied by `user:build`: writing `/home/ann/out` is not allowed
    hint: leave `/home/ann/out` out, or list it in `write` under `[rules.sandbox]` of `user:build`, with all that the profile has there
    "#);
    let env = Asked { env: vec![variable("EDITOR", None)], ..Asked::default() };
    assert_snapshot!(told(decide(&plain, &asking(env.clone()))), @r#"
    denied by `user:build`: the variable `EDITOR` is not allowed
    hint: leave `EDITOR` out, or list it in `env` under `[rules.sandbox]` of `user:build`, with all that the profile has there
    "#);
    let profile = Asked { profile: Some("ci".into()), ..Asked::default() };
    assert_snapshot!(told(decide(&plain, &asking(profile.clone()))), @r#"
    denied by `user:build`: profile `ci` is not allowed
    hint: use `--profile default`, or list the profile in `profiles` of `user:build`
    "#);
    let limits = Asked { limits: limit("pids", "5000"), ..Asked::default() };
    assert_snapshot!(told(decide(&plain, &asking(limits.clone()))), @r#"
    denied by `user:build`: pids=5000 is above 4096
    hint: ask for at most pids=4096, or raise `limits.pids` under `[rules.sandbox]` of `user:build`
    "#);

    let wide = policy(
        "",
        &format!(
            "{MAKE}[rules.sandbox]\nprofiles = [\"default\", \"ci\"]\nread = [\"/data\"]\nwrite = [\"~/out\"]\nenv = [\"*\"]\nlimits.pids = 6000\n"
        ),
    );
    for asked in [read, write, env, profile, limits] {
        assert_eq!(word(&decide(&wide, &asking(asked))), "allow");
    }
    let beside = Asked { read: vec![path("/database")], ..Asked::default() };
    assert_eq!(word(&decide(&wide, &asking(beside))), "deny");
}

#[test]
fn under_a_policy_a_flag_that_narrows_always_counts() {
    let asked = Asked {
        limits: limit("pids", "5").overridden_by(&limit("wall", "5s")),
        env: vec![variable("TERM", None), variable("LANG", Some("C"))],
        ..Asked::default()
    };
    let grants = allowed(decide(&policy("", MAKE), &asking(asked))).grants;
    assert_eq!(grants.limits.pids.map(|limit| limit.max), Some(5));
    assert_eq!(grants.limits.wall, limit("wall", "5s").wall);
    assert_eq!(grants.env_set.get(&Text::from("LANG")), Some(&Text::from("C")));
}

#[test]
fn a_stated_list_of_a_ceiling_holds_for_the_profile_too() {
    let user = format!("{MAKE}[rules.sandbox]\nenv = [\"LANG\"]\n");
    let denial = denied(decide(&policy("", &user), &request("/usr/bin/make")));
    assert!(
        matches!(denial.reason(), Reason::Excess(excess) if excess.contains(&Excess::Variable(Text::from("TERM"))))
    );
}

#[test]
fn two_ceilings_both_hold() {
    let with = |ceiling: &str| format!("{MAKE}[rules.sandbox]\n{ceiling}\n");
    let both = |system: &str, user: &str, asked: Asked| decide(&policy(&with(system), &with(user)), &asking(asked));
    let read = || Asked { read: vec![path("/data/a")], ..Asked::default() };
    assert_eq!(word(&both("read = [\"/data\"]", "read = [\"/data/a\"]", read())), "allow");
    assert_eq!(denied(both("read = [\"/data\"]", "read = []", read())).rule(), "user:build");
    assert_eq!(denied(both("read = []", "read = [\"/data\"]", read())).rule(), "system:build");
    let limits = allowed(both("limits.pids = 50", "limits.pids = 40", Asked::default())).grants.limits;
    assert_eq!(limits.pids.map(|limit| limit.max), Some(40));
    assert_eq!(
        word(&both("limits.pids = 50", "limits.pids = 40", Asked { limits: limit("pids", "45"), ..Asked::default() })),
        "deny"
    );
}

#[test]
fn a_run_without_a_profile_takes_the_one_that_the_rule_prefers() {
    let name = |ceiling: &str| {
        allowed(decide(&policy("", &format!("{MAKE}{ceiling}")), &request("/usr/bin/make"))).grants.profile
    };
    assert_eq!(name(""), "default");
    assert_eq!(name("[rules.sandbox]\nprofiles = [\"make\"]\n"), "make");
    assert_eq!(name("[rules.sandbox]\nprofiles = [\"default\", \"make\"]\n"), "default");
    assert_eq!(name("[rules.sandbox]\nprofile = \"make\"\nprofiles = [\"default\", \"make\"]\n"), "make");
}

#[test]
fn an_unknown_profile_names_the_nearest() {
    let asked = Asked { profile: Some("carg".into()), ..Asked::default() };
    assert_snapshot!(told(decide(&policy("", ""), &asking(asked))), @r#"
    denied by `built-in:any-command`: there is no profile `carg`
    hint: did you mean `cargo`?
    "#);
}

#[test]
fn no_flag_sets_a_loader_variable() {
    for name in ["LD_PRELOAD", "BASH_ENV", "GIT_SSH_COMMAND", "NODE_OPTIONS", "PYTHONPATH"] {
        let asked = Asked { env: vec![variable(name, Some("x"))], ..Asked::default() };
        assert_eq!(denied(decide(&policy("", ""), &asking(asked))).rule(), "floor:loader-variables", "{name}");
    }
    let wide = policy("", &format!("{MAKE}[rules.sandbox]\nenv = [\"*\"]\n"));
    let asked = Asked { env: vec![variable("LD_PRELOAD", None)], ..Asked::default() };
    assert_snapshot!(told(decide(&wide, &asking(asked))), @r#"
    denied by `floor:loader-variables`: `LD_PRELOAD` makes programs load other code
    hint: write `LD_PRELOAD` into the `[env] set` of a profile, if it must be set
    "#);
}

#[test]
fn the_machines_policy_never_means_a_profile_of_the_caller() {
    let text = "name = \"wide\"\n[fs]\nwrite = [\"/srv\"]\n";
    let own = [SourceFile { file: "wide.toml".into(), bytes: text.into() }];
    let rules = format!("{MAKE}[rules.sandbox]\nprofiles = [\"default\", \"wide\"]\n");
    let request = asking(Asked { profile: Some("wide".into()), ..Asked::default() });
    let users = Profiles::load(&[], &own).unwrap();
    let machines = Profiles::load(&own, &[]).unwrap();
    assert_eq!(word(&policy("", &rules).decide(&request, &users)), "allow");
    assert_eq!(word(&policy(&rules, "").decide(&request, &machines)), "allow");
    assert_eq!(denied(policy(&rules, "").decide(&request, &users)).rule(), "system:build");
}

/// A host on which the one link `/srv/link` leads to this place.
fn host(real: &str) -> HostFacts {
    let text = Text::from(real);
    let leads_to = Leads::Directory(Inode { device: 1, number: 3 });
    let link = PathFact::Link { text, real: Some(path(real)), leads_to };
    HostFacts {
        endpoints: BTreeMap::new(),
        account: Account { uid: 1000, gid: 1000, name: "ann".into(), home: home() },
        env: BTreeMap::new(),
        paths: BTreeMap::from([(path("/srv/link"), link)]),
        workspace: Workspace::None { why: "none".into() },
        git_settings: Vec::new(),
        is_root: false,
        guarded: Vec::new(),
    }
}

#[test]
fn a_link_does_not_lead_out_of_a_ceiling() {
    let user = format!("{MAKE}[rules.sandbox]\nread = [\"/srv\"]\nwrite = [\"/srv/out\"]\n");
    let read = || Asked { read: vec![path("/srv/link")], ..Asked::default() };
    let permission = allowed(decide(&policy("", &user), &asking(read())));
    assert_eq!(permission.check_links(&host("/srv/data")), Ok(()));
    let denial = permission.check_links(&host("/home/ann/.ssh")).unwrap_err();
    assert_snapshot!(denial, @r#"
    denied by `user:build`: reading `/home/ann/.ssh` is not allowed
    "#);

    let wide = format!("{MAKE}[rules.sandbox]\nread = [\"/home\"]\nwrite = [\"/srv\"]\n");
    let write = Asked { write: vec![path("/srv/link")], ..Asked::default() };
    let permission = allowed(decide(&policy("", &wide), &asking(write)));
    assert!(permission.check_links(&host("/home/ann/.ssh")).is_err());

    let direct = allowed(decide(&policy("", ""), &asking(read())));
    assert_eq!(direct.check_links(&host("/home/ann/.ssh")), Ok(()));
}

#[test]
fn a_stated_list_of_secrets_is_the_most_that_a_run_may_use() {
    let policy = policy("", &format!("{MAKE}[rules.sandbox]\nsecrets = [\"NPM_*\"]\n"));
    let using = |names: &[&str]| {
        let mut request = request("/usr/bin/make all");
        request.operation.secrets = names.iter().map(|name| (*name).to_owned()).collect();
        decide(&policy, &request)
    };
    assert_eq!(word(&using(&[])), "allow");
    assert_eq!(word(&using(&["NPM_TOKEN"])), "allow");
    let refused = told(using(&["NPM_TOKEN", "AWS_KEY"]));
    assert!(refused.starts_with("denied by `user:build`: the secret `AWS_KEY` is not allowed"), "{refused}");
    let none = super::policy("", &format!("{MAKE}[rules.sandbox]\nsecrets = []\n"));
    let mut request = request("/usr/bin/make all");
    request.operation.secrets = vec!["NPM_TOKEN".to_owned()];
    assert_eq!(word(&decide(&none, &request)), "deny");
}

#[test]
fn without_a_list_a_run_uses_what_its_profile_declares_and_nothing_named_on_the_spot() {
    let policy = policy("", MAKE);
    let mut request = request("/usr/bin/make all");
    request.operation.secrets = vec!["NPM_TOKEN".to_owned()];
    assert_eq!(word(&decide(&policy, &request)), "allow");
    request.asked.secrets = vec![AskedSecret::parse("NPM_TOKEN", "env:MINE", Delivery::Env).unwrap()];
    let refused = told(decide(&policy, &request));
    assert!(refused.starts_with("denied by `user:build`: the secret `NPM_TOKEN` is not allowed"), "{refused}");
    let listed = super::policy("", &format!("{MAKE}[rules.sandbox]\nsecrets = [\"NPM_TOKEN\"]\n"));
    let granted = allowed(decide(&listed, &request));
    assert_eq!(granted.grants().secrets.first().map(|secret| secret.source.to_string()).as_deref(), Some("env:MINE"));
    let direct = allowed(decide(&super::policy("", ""), &request));
    assert_eq!(direct.grants().secrets.len(), 1);
}
