//! Which cgroup of each hierarchy a process is in, as `/proc/self/cgroup` tells it (cgroups(7)).

/// One line: a hierarchy, by its controllers, and the path of the process in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Membership<'a> {
    /// Controllers joined by commas; empty for the unified hierarchy.
    pub(super) controllers: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Membership<'a> {
    /// Reads `hierarchy-id:controllers:path`. A path may hold colons itself.
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(3, ':');
        let (_id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        // A cgroup that was removed under its processes is marked so; nothing can be made below it.
        (path.starts_with('/') && !path.ends_with(" (deleted)")).then_some(Self { controllers, path })
    }

    pub(super) fn is_unified(&self) -> bool {
        self.controllers.is_empty()
    }

    pub(super) fn has(&self, controller: &str) -> bool {
        self.controllers.split(',').any(|name| name == controller)
    }
}

/// Reads the whole file; lines that do not parse are left out.
pub(super) fn memberships(text: &str) -> Vec<Membership<'_>> {
    text.lines().filter_map(Membership::parse).collect()
}
