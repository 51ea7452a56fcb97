//! Lowers grants into a plan: what a decision gives, in the person's terms, becomes what the kernel is told.
//!
//! Pure: what stands on the host comes in as [`HostFacts`]. Nothing is narrowed silently: a grant that
//! cannot be given as it was written is a [`Refusal`].

mod ci;
mod floor;
mod git;
mod granted;
mod identity;
mod lexical;
mod network;
mod protect;
mod questions;
mod refusal;
mod secrets;
mod system;
mod toolchains;
mod tree;
mod visible;

#[cfg(test)]
mod tests;

pub use questions::questions;
pub use refusal::{Refusal, RefusalClass};

use crate::environment::{self, Sources};
use crate::facts::{HostFacts, Workspace};
use crate::grants::{Grants, Visibility, WorkspaceAccess};
use crate::path::AbsPath;
use crate::plan::{Authority, Content, Plan, Variable};
use crate::request::Request;
use crate::secret::{Delivery, SecretGrant};
use crate::text::Text;
use identity::Person;
use protect::Kept;
use tree::{Finished, Rank, Tree};

/// The version of the plans that are made here.
const VERSION: u32 = 1;

/// Makes the plan for a request from what a decision grants and what the host is like.
///
/// # Errors
/// A [`Refusal`] when the floor forbids a grant, when the program would not exist inside, or when the host
/// lacks what the grants name.
pub fn lower(grants: &Grants, authority: Authority, request: &Request, facts: &HostFacts) -> Result<Plan, Refusal> {
    let mut notes = Vec::new();
    let person = identity::person(grants, facts);
    refuse_loader_variables(grants)?;
    ci::refuse_tokens(grants, facts)?;

    let mut tree = Tree::default();
    system::skeleton(&mut tree, &person)?;
    if grants.system == Visibility::ReadOnly {
        system::show(&mut tree, facts)?;
    }
    let toolchains = match grants.toolchains {
        Visibility::ReadOnly => toolchains::show(&mut tree, facts)?,
        Visibility::None => Vec::new(),
    };
    show_git_settings(&mut tree, facts, &person)?;
    let (network, endpoint_env) = network::network(&mut tree, grants, facts, &mut notes)?;
    let secret_env = secrets::secrets(&mut tree, grants, request, &network)?;
    let mut promised = granted::grants(&mut tree, grants, facts, &mut notes)?;
    let workspace = granted::workspace(&mut tree, grants, facts, &mut promised)?;
    granted::hide(&mut tree, grants, facts)?;

    let mut tree = tree.finish();
    let mut kept = Kept::new();
    protect::guard(&mut tree, facts, &mut kept)?;
    protect::protect(&tree, grants, facts, &mut kept)?;
    promised.hold(&mut tree, &kept)?;
    visible::program(&request.command.program, &tree, facts)?;
    visible::working_directory(&request.command.cwd, &tree, facts)?;

    // What a profile or a flag sets itself holds over what an endpoint brings along.
    let mut set = endpoint_env;
    set.extend(grants.env_set.clone());
    set.extend(secret_env);
    let (env, env_notes) = environment::environment(&Sources {
        caller: &facts.env,
        pass: &grants.env_pass,
        toolchains: &toolchains,
        set: &set,
        home: &person.home,
        user: &person.name,
        path: visible::search_path(&tree, facts),
    });
    let env = without_secrets(env, &grants.secrets);
    notes.extend(env_notes);
    notes.extend(explain_identity(&person));
    notes.extend(explain_workspace(grants, facts, &tree, &request.command.cwd));

    Ok(Plan {
        version: VERSION,
        principal: request.principal.clone(),
        program: request.command.program.clone(),
        argv: request.command.argv.clone(),
        cwd: request.command.cwd.clone(),
        env,
        identity: person.identity,
        home: person.home,
        tier: grants.min_tier,
        mounts: tree.into_mounts(),
        protected: protect::in_order(kept),
        workspace,
        network,
        secrets: grants.secrets.clone(),
        limits: grants.limits.clone(),
        output: grants.output.clone(),
        authority,
        notes,
    })
}

/// A secret that is delivered in a variable takes the place of whatever else that variable would be.
fn without_secrets(mut env: Vec<Variable>, secrets: &[SecretGrant]) -> Vec<Variable> {
    let is_secret = |name: &Text| secrets.iter().any(|secret| secret.deliver == Delivery::Env && secret.name == *name);
    env.retain(|variable| !is_secret(&variable.name));
    env
}

fn refuse_loader_variables(grants: &Grants) -> Result<(), Refusal> {
    let Some(name) = grants.env_pass.iter().find(|name| environment::is_loader_variable(name)) else { return Ok(()) };
    let what = format!("variable `{name}` cannot be passed: it makes programs load code");
    Err(Refusal::denied(what, "a profile can give it a fixed value in `[env] set`"))
}

/// The person's git identity in a configuration of the sandbox's own, so that `git commit` works.
fn show_git_settings(tree: &mut Tree, facts: &HostFacts, person: &Person) -> Result<(), Refusal> {
    let text = git::configuration(&facts.git_settings);
    if text.is_empty() {
        return Ok(());
    }
    let path = person.home.join(".gitconfig");
    let path = path
        .map_err(|error| Refusal::unbuildable(format!("the home directory cannot be used: {error}"), "shorten it"))?;
    tree.put(Rank::Skeleton, path, Content::File { text });
    Ok(())
}

fn explain_identity(person: &Person) -> Option<String> {
    let uid = person.identity.uid;
    person.is_owner.then(|| format!("the command runs as uid {uid}, which owns the workspace"))
}

/// Says why nothing of the working directory is there, when that is so.
fn explain_workspace(grants: &Grants, facts: &HostFacts, tree: &Finished, cwd: &AbsPath) -> Option<String> {
    match (&facts.workspace, grants.workspace) {
        (Workspace::None { why }, WorkspaceAccess::ReadOnly | WorkspaceAccess::ReadWrite)
            if tree.access(cwd).is_none() =>
        {
            Some(format!("no workspace is visible: {why}; grant directories with `--read` or `--write`"))
        }
        (Workspace::Root(_) | Workspace::None { .. }, _) => None,
    }
}
