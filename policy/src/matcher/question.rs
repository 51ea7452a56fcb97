//! A request as every rule is asked about it, with what takes work to read found out once. Never outlives the request.

use std::cell::OnceCell;

use crate::remote::Remote;
use crate::request::Request;

/// A request that rules are asked about.
#[derive(Debug)]
pub(crate) struct Question<'r> {
    request: &'r Request,
    remote: OnceCell<Option<Remote>>,
}

impl<'r> Question<'r> {
    pub(crate) fn new(request: &'r Request) -> Self {
        Self { request, remote: OnceCell::new() }
    }

    pub(crate) fn request(&self) -> &'r Request {
        self.request
    }

    /// The repository's origin in its one form, when the URL is one that names a host.
    pub(crate) fn remote(&self, url: &str) -> Option<&Remote> {
        self.remote.get_or_init(|| Remote::new(url)).as_ref()
    }
}
