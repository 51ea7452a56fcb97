//! Attempts one act inside and its twin outside.

use super::ended::Ended;
use super::identity::Identity;
use super::launch::Launch;
use super::sandbox::Sandbox;

/// Who can do an act when no sandbox stands around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// Everybody: the twin succeeds as each identity.
    Everybody,
    /// Everybody whose processes share a user namespace; those of a caller who is not root each have their own.
    Neighbours,
    /// Only the superuser: as a plain user there is nothing to take away, so only root has a twin.
    Superuser,
    /// The superuser, on kernels that were built with the facility at all.
    WhereBuilt,
    /// Nobody on a machine like this one, for the reason given; the refusal inside is still looked at.
    Nobody(&'static str),
}

impl Sandbox {
    /// The probe inside, with the directory that holds it granted for reading.
    pub fn launch_probe(&self, options: &[&str], act: &[&str]) -> Launch {
        let tools = self.base().join("tools");
        let probe = tools.join("opaque-probe");
        let (tools, probe) = (tools.display().to_string(), probe.display().to_string());
        let mut arguments = vec!["--read", &tools];
        arguments.extend_from_slice(options);
        arguments.extend_from_slice(&["--", &probe]);
        arguments.extend_from_slice(act);
        self.launch(arguments)
    }

    /// The probe without a sandbox.
    pub fn launch_probe_outside(&self, act: &[&str]) -> Launch {
        let probe = self.base().join("tools/opaque-probe").display().to_string();
        let mut arguments = vec![probe.as_str()];
        arguments.extend_from_slice(act);
        self.launch_outside(arguments)
    }

    /// Attempts an act inside.
    #[track_caller]
    #[must_use]
    pub fn probe(&self, act: &[&str]) -> Ended {
        self.launch_probe(&[], act).finish()
    }

    /// Attempts an act outside.
    #[track_caller]
    #[must_use]
    pub fn probe_outside(&self, act: &[&str]) -> Ended {
        self.launch_probe_outside(act).finish()
    }

    /// Demands that an act is refused inside and, for those who can do it at all, succeeds outside.
    ///
    /// # Panics
    /// When either is not so.
    #[track_caller]
    pub fn forbids(&self, act: &[&str], twin: Twin) -> Ended {
        let inside = self.probe(act);
        inside.refused();
        self.twin(act, twin);
        inside
    }

    /// Demands that an act succeeds outside for those who can do it at all.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn twin(&self, act: &[&str], twin: Twin) {
        let can = match twin {
            Twin::Everybody => true,
            Twin::Neighbours => !matches!(self.identity(), Identity::Caller { .. }),
            Twin::Superuser => self.identity().is_root(),
            Twin::WhereBuilt => self.identity().is_root() && self.is_built(act),
            Twin::Nobody(_) => false,
        };
        if can {
            self.probe_outside(act).done();
        }
    }

    fn is_built(&self, act: &[&str]) -> bool {
        let outside = self.probe_outside(act).text();
        let built = !["refused ENOSYS", "refused EAFNOSUPPORT", "refused ENOENT"].contains(&outside.as_str());
        if !built {
            eprintln!("no twin for {act:?}: this kernel was built without it");
        }
        built
    }

    /// Demands that an act succeeds inside.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn permits(&self, act: &[&str]) -> String {
        self.probe(act).done()
    }
}

impl Ended {
    /// Demands that the probe's act succeeded; answers with its detail.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn done(&self) -> String {
        let text = self.text();
        assert!(self.code == Some(0) && text.starts_with("done"), "the act should succeed\n{self}");
        text.trim_start_matches("done").trim().to_owned()
    }

    /// Demands that the probe ran and its act was refused; answers with the error's name.
    ///
    /// # Panics
    /// When the act succeeded or the probe never ran.
    #[track_caller]
    pub fn refused(&self) -> String {
        let text = self.text();
        let error = text.lines().last().and_then(|line| line.strip_prefix("refused "));
        assert!(self.code == Some(1) && error.is_some(), "the act should be refused\n{self}");
        error.unwrap_or_default().to_owned()
    }
}
