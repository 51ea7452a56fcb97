//! What is printed for each example, for a reviewer to read.

use super::*;

macro_rules! sources {
    ($($name:ident: $system:ident, $file:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let converted = converted(System::$system, include_str!(concat!("sources/", $file)));
                let profile = converted.profile.map_or(String::new(), |profile| format!("\n--- profile\n{profile}"));
                insta::assert_snapshot!(format!("{}\n{}{profile}", converted.changes, converted.policy));
            }
        )*
    };
}

sources! {
    agentpass_draft: AgentPass, "agentpass.toml";
    agentpass_reads: AgentPass, "agentpass-reads.toml";
    gatekeeper_defaults: Gatekeeper, "gatekeeper.yaml";
    gatekeeper_codex: Gatekeeper, "gatekeeper-codex.yaml";
    guard_default_deny: SshAgentGuard, "ssh-agent-guard-default-deny.yaml";
    guard_default_allow: SshAgentGuard, "ssh-agent-guard-default-allow.yaml";
    guard_default_confirm: SshAgentGuard, "ssh-agent-guard-default-confirm.yaml";
    guard_mixed: SshAgentGuard, "ssh-agent-guard-mixed.yaml";
    guard_git_hosting: SshAgentGuard, "ssh-agent-guard-git-hosting.yaml";
    guard_coding_agents: SshAgentGuard, "ssh-agent-guard-coding-agents.yaml";
    guard_forwarded: SshAgentGuard, "ssh-agent-guard-forwarded.yaml";
    guard_places: SshAgentGuard, "ssh-agent-guard-places.yaml";
    guard_team: SshAgentGuard, "ssh-agent-guard-team.yaml";
    guard_whole: SshAgentGuard, "ssh-agent-guard-whole.yaml";
}
