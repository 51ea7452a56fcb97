//! Waits for connections at a listener, waits out what stands in the way, and counts those that are open.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// After a connection could not be accepted, for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(10);

/// The next connection. A listener never ends by itself: what fails now may succeed later.
pub async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One of the connections that may be open at once.
#[derive(Debug)]
pub struct Place(Rc<Cell<usize>>);

impl Place {
    /// Takes a place; it is free again when this is dropped.
    #[must_use]
    pub fn taken(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get() + 1);
        Self(Rc::clone(open))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
