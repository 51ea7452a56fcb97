//! Waits for the next connection at a listener, and waits out what stands in its way.

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
