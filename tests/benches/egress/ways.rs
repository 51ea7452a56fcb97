//! The ways from a client to a server that are compared.

use std::path::Path;

use opaque_tests::Identity;
use opaque_tests::bench::{Failure, Outcome, pasta};

use crate::world::{ADDRESS, NAME, PORT, Traveller, World};

/// No sandbox, over loopback.
pub const LOOPBACK: usize = 0;
/// Through the gate to the host's loopback.
pub const LOOPBACK_GATE: usize = 1;
/// No sandbox, over the wire.
pub const WIRE: usize = 2;
/// Through the gate to a name, over the wire.
pub const GATE: usize = 3;
/// Those that pasta goes, and another build's, come behind.
pub const OTHERS: usize = 4;
const SPLICE: &str = "pasta, splice: loopback";
const TAP: &str = "pasta, tap: wire";

/// A client on each way.
pub struct Ways {
    /// In the order of the constants; then pasta's, then another build's.
    pub travellers: Vec<Traveller>,
    /// What each is compared with: no sandbox, over the same road.
    pub plain: Vec<usize>,
    /// Which of them pasta goes.
    pub pasta: Vec<usize>,
}

impl Ways {
    /// Sends a client on each way. Where pasta does not work it is left out, aloud.
    ///
    /// # Errors
    /// A client does not start.
    pub fn open(world: &World) -> Outcome<Self> {
        let mut travellers = plain_and_gated(world)?;
        let mut plain = vec![LOOPBACK, LOOPBACK, WIRE, WIRE];
        let mut pasta = Vec::new();
        for (name, road) in [(SPLICE, LOOPBACK), (TAP, WIRE)] {
            match through_pasta(world, name) {
                Ok(traveller) => {
                    pasta.push(travellers.len());
                    plain.push(road);
                    travellers.push(traveller);
                }
                Err(failure) => eprintln!("left out as {}: {name}: {failure}", world.identity),
            }
        }
        if let Some(beside) = world.beside()? {
            travellers.push(Traveller::set_out("the other build, loopback", world.launch(&to_loopback(&beside)))?);
            travellers.push(Traveller::set_out("the other build, by name", world.launch(&by_name(&beside)))?);
            plain.extend([LOOPBACK, WIRE]);
        }
        Ok(Self { travellers, plain, pasta })
    }

    /// Replaces a client of pasta's that failed.
    ///
    /// # Errors
    /// It does not start any more.
    pub fn begin_anew(&mut self, world: &World, way: usize, failure: &Failure) -> Outcome<()> {
        let last = failure.to_string().lines().last().unwrap_or_default().to_owned();
        let name = self.travellers[way].name.clone();
        eprintln!("as {}: {name} failed: {last}", world.identity);
        self.travellers[way] = through_pasta(world, &name)?;
        Ok(())
    }

    /// Ends all of them.
    ///
    /// # Errors
    /// One did not end well.
    pub fn close(self) -> Outcome<()> {
        self.travellers.into_iter().try_for_each(Traveller::come_home)
    }
}

fn plain_and_gated(world: &World) -> Outcome<Vec<Traveller>> {
    let opaque_run = world.opaque_run();
    Ok(vec![
        Traveller::set_out("no sandbox, loopback", world.launch(&words(&world.client(), &["127.0.0.1"])))?,
        Traveller::set_out("gate, loopback", world.launch(&to_loopback(&opaque_run)))?,
        Traveller::set_out("no sandbox, wire", world.launch(&words(&world.client(), &[ADDRESS])))?,
        Traveller::set_out("gate, by name over the wire", world.launch(&by_name(&opaque_run)))?,
    ])
}

fn to_loopback(opaque_run: &Path) -> Vec<String> {
    let open = format!("127.0.0.1:{PORT}");
    words(&opaque_run.display().to_string(), &["--loopback", &open, "--", "./client", "127.0.0.1"])
}

/// `opaque-run` with a client that goes by the server's name.
pub fn by_name(opaque_run: &Path) -> Vec<String> {
    let open = format!("{NAME}:{PORT}/tcp");
    words(&opaque_run.display().to_string(), &["--allow-net", &open, "--", "./client", NAME])
}

/// The splice path leads to the host's loopback, the tap everywhere else. The superuser's pasta becomes nobody unless
/// it is told otherwise, and then cannot set up what it needs.
fn through_pasta(world: &World, name: &str) -> Outcome<Traveller> {
    let (pasta, port, client) = (pasta()?.display().to_string(), PORT.to_string(), world.client());
    let mut line = vec!["--quiet", "--config-net", "-t", "none", "-u", "none", "-T", &port, "-U", "none"];
    if Identity::all().contains(&Identity::Root) {
        line.extend(["--runas", "0"]);
    }
    line.extend(["--", &client, if name == SPLICE { "127.0.0.1" } else { ADDRESS }]);
    Traveller::set_out(name, world.launch_elevated(&words(&pasta, &line)))
}

/// A command line that ends with the port.
fn words(program: &str, arguments: &[&str]) -> Vec<String> {
    let port = PORT.to_string();
    [program].iter().chain(arguments).map(|&word| word.to_owned()).chain([port]).collect()
}
