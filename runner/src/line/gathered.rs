//! What is asked, with every fact that a rule reads and no other.

use std::os::fd::AsFd;

use opaque_policy::policy_set::Need;
use opaque_policy::request::Request;

use super::loaded::Loaded;
use super::place::Place;
use crate::digest::Cache;
use crate::flags::Flags;
use crate::invocation::{self, Invocation, describe};
use crate::outcome::Refusal;
use crate::process::Process;
use crate::program::{Content, Opened};
use crate::repository;
use crate::requester;
use crate::trust::{self, Trust};

pub(super) struct Gathered {
    pub(super) request: Request,
    /// The program, opened; held until the run has ended.
    pub(super) program: Opened,
    /// That a repository asks for something in vain.
    pub(super) untrusted: Option<String>,
}

impl Gathered {
    /// Gathers.
    pub(super) fn at(place: &Place, loaded: &Loaded, flags: &Flags) -> Result<Self, Refusal> {
        let Place { environment, account, state, cwd, found } = place;
        let policies = &loaded.policies;
        let cache = Cache::new(state.clone());
        let needs = policies.needs();
        let couples_content = loaded.profiles.couple_content(&invocation::secret_names(&flags.secret)?);
        let content = if needs.contains(&Need::ProgramContent) || couples_content {
            Content::Hashed(&cache)
        } else {
            Content::Unread
        };
        let Invocation { mut request, opened } =
            invocation::read(flags, account, cwd, environment, content, policies.coding_agents())?;
        let untrusted = ask_for_repository(&mut request, place, loaded)?;
        let (coding_agents, workspace) = (policies.coding_agents(), &found.workspace);
        let known = requester::Known { needs: &needs, coding_agents, environment, cache: &cache, workspace };
        requester::tell(&mut request, &known, flags.requester.map(Process::new));
        if needs.contains(&Need::Classes) {
            request.command.classify();
        }
        if needs.contains(&Need::Repository) {
            request.repository = repository::look(found.root.as_ref().map(AsFd::as_fd), &found.workspace);
        }
        if needs.contains(&Need::Clean) {
            request.repository.is_clean = repository::is_clean(&found.workspace, environment);
        }
        Ok(Self { request, program: opened, untrusted })
    }
}

/// Adds what a trusted repository asks for; what one asks for in vain is a note.
fn ask_for_repository(request: &mut Request, place: &Place, loaded: &Loaded) -> Result<Option<String>, Refusal> {
    let (Some(source), Some(repository)) = (&loaded.repo, place.found.repository()) else { return Ok(None) };
    let trust = Trust::below(&place.state).map_err(|error| Refusal::cannot_build(describe(&error)))?;
    Ok(match trust.judge(loaded.policies.repo_request(), &source.bytes, repository.file()) {
        trust::Request::None => None,
        trust::Request::Trusted(asked) => {
            request.asked.add(asked);
            None
        }
        trust::Request::Untrusted(note) => Some(note),
    })
}
