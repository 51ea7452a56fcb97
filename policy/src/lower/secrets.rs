//! What a run gets of the secrets that it asks for, without a single value: files, variables, and whether each may go
//! with this program and these ways out.

use std::collections::BTreeMap;

use super::refusal::Refusal;
use super::tree::{Rank, Tree};
use crate::document::{list, nearest};
use crate::egress::EgressEntry;
use crate::grants::Grants;
use crate::network::Network;
use crate::path::AbsPath;
use crate::plan::Content;
use crate::request::{Chooser, Program, Request};
use crate::secret::{Coupling, Delivery, FIRST_DESCRIPTOR, MOST_DESCRIPTORS, SecretGrant};
use crate::text::Text;

/// Where secrets that are delivered as files stand inside.
const DIRECTORY: &str = "/run/secrets";

/// Puts the secrets' files into the tree; answers the variables that lead to secrets which are not in a variable.
pub(super) fn secrets(
    tree: &mut Tree,
    grants: &Grants,
    request: &Request,
    network: &Network,
) -> Result<BTreeMap<Text, Text>, Refusal> {
    let mut env = BTreeMap::new();
    let mut descriptors = FIRST_DESCRIPTOR..FIRST_DESCRIPTOR + MOST_DESCRIPTORS;
    for name in &request.operation.secrets {
        let Some(secret) = grants.secrets.iter().find(|secret| secret.name.as_bytes() == name.as_bytes()) else {
            return Err(undeclared(name, grants));
        };
        if let Some(coupling) = &secret.only_with {
            coupling.check(secret, &request.command.program, network)?;
        }
        match secret.deliver {
            Delivery::Env => {}
            Delivery::File => {
                let directory = place(DIRECTORY)?;
                tree.put(Rank::Skeleton, directory.clone(), Content::Private { mode: 0o700 });
                let path = place(&format!("{DIRECTORY}/{name}"))?;
                tree.put(Rank::Skeleton, path.clone(), Content::Secret { name: secret.name.clone() });
                env.insert(secret.name.clone(), Text::from(path.to_string().as_str()));
            }
            Delivery::Fd => {
                let number = descriptors.next().ok_or_else(|| {
                    Refusal::unbuildable(
                        format!("more than {MOST_DESCRIPTORS} secrets are delivered by descriptor"),
                        "deliver some of them as files",
                    )
                })?;
                env.insert(secret.name.clone(), Text::from(number.to_string().as_str()));
            }
        }
    }
    Ok(env)
}

fn place(path: &str) -> Result<AbsPath, Refusal> {
    AbsPath::new(path).map_err(|error| Refusal::unbuildable(format!("`{path}` cannot be used: {error}"), "report this"))
}

fn undeclared(name: &str, grants: &Grants) -> Refusal {
    let profile = &grants.profile;
    let known: Vec<&str> = grants.declared.iter().filter_map(Text::as_str).collect();
    let hint = match (nearest(name, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, false) => format!("it declares {}; or say where it is kept: `--secret {name}=env:{name}`", list(&known)),
        (None, true) => {
            format!("say where it is kept, as in `--secret {name}=env:{name}`, or declare it under `[secrets.{name}]`")
        }
    };
    Refusal::unbuildable(format!("the profile `{profile}` declares no secret `{name}`"), hint)
}

impl Coupling {
    /// Refuses a run that the secret may not go with.
    pub(super) fn check(&self, secret: &SecretGrant, program: &Program, network: &Network) -> Result<(), Refusal> {
        let refuse = |why: String, hint: &str| {
            Err(Refusal::denied(format!("the secret `{}` may not go with this run: {why}", secret.name), hint))
        };
        if let Some(path) = self.program.as_ref().filter(|path| **path != program.path) {
            let why = format!("it is for `{path}`, and `{}` would run", program.path);
            return refuse(why, "run that program, or change `only_with` in the profile");
        }
        if let Some(expected) = &self.sha256 {
            match &program.sha256 {
                Some(actual) if actual == expected => {}
                Some(actual) => {
                    let why = format!("the content of `{}` is {actual}", program.path);
                    return refuse(why, "see why the program changed before you change `sha256` in the profile");
                }
                None => {
                    return refuse(format!("the content of `{}` was not read", program.path), "report this");
                }
            }
        }
        let names_program = self.program.is_some() || self.sha256.is_some();
        if let Some(chosen) = program.interpreters.iter().find(|one| one.chosen_by == Chooser::Caller)
            && names_program
        {
            let why = format!("`PATH` of the caller chose `{}` to run the script", chosen.path);
            return refuse(why, "put the machine's own interpreter first in `PATH`");
        }
        match &self.egress {
            Some(egress) => self.check_network(egress, network).or_else(|why| {
                refuse(why, "leave that way out closed in this run, or change `only_with` in the profile")
            }),
            None => Ok(()),
        }
    }

    fn check_network(&self, allowed: &[EgressEntry], network: &Network) -> Result<(), String> {
        for way in &network.egress {
            let is_allowed = allowed.iter().any(|entry| match entry {
                EgressEntry::Opening(opening) => opening.covers(&way.opening),
                EgressEntry::Endpoint(endpoint) => way.endpoint == Some(*endpoint),
                EgressEntry::Except(_) => false,
            });
            if !is_allowed {
                return Err(format!("the run reaches `{}`", way.opening));
            }
        }
        match network.loopback.first() {
            Some(address) => Err(format!("the run reaches `{address}` of the host")),
            None => Ok(()),
        }
    }
}
