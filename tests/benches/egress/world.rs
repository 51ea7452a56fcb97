//! Where the network is measured: the tests' own internet with one server at each end of its wire, and programs in it.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe};
use std::path::PathBuf;
use std::time::Duration;

use opaque_tests::bench::{Failure, Outcome, Table, static_program};
use opaque_tests::internet::WEB;
use opaque_tests::{Identity, Lab, Launch, Running, Sandbox, each_identity, eventually};

/// Where the servers listen, at both ends of the wire.
pub const PORT: u16 = 9100;
/// The server beyond the wire.
pub const ADDRESS: &str = WEB;
/// Its name. It has no address of the other family, and nobody says how long that holds.
pub const NAME: &str = "db.example.test";

/// A client may wait for its turn as long as the bench takes.
const A_DAY: Duration = Duration::from_secs(86_400);
const SOON: Duration = Duration::from_secs(2);

/// One identity's world.
pub struct World<'w> {
    /// Who is measured.
    pub identity: Identity,
    sandbox: &'w Sandbox,
    lab: &'w Lab,
    /// Where pasta is started: with the superuser's rights, where the bench has them.
    elevated: Option<Sandbox>,
    _servers: [Running; 2],
}

/// Measures something in each identity's world, with so many connections at once at most.
///
/// # Errors
/// It cannot be measured.
pub fn each_world(threads: usize, measure: impl Fn(&World) -> Outcome<Table>) -> Outcome<Vec<Table>> {
    let found: RefCell<Vec<Outcome<Table>>> = RefCell::default();
    each_identity(|sandbox| {
        let lab = Lab::start_unwatched(sandbox);
        let table = World::new(sandbox, &lab, threads).and_then(|world| measure(&world));
        found.borrow_mut().push(table);
    });
    found.into_inner().into_iter().collect()
}

impl<'w> World<'w> {
    fn new(sandbox: &'w Sandbox, lab: &'w Lab, threads: usize) -> Outcome<Self> {
        let tools = sandbox.base().join("tools");
        static_program("server", &tools)?;
        let client = static_program("client", &tools)?;
        sandbox.script("client", fs::read(client)?);
        // Each connection takes a descriptor; what is inherited may be fewer than what may be had.
        let line = format!("ulimit -Sn $(ulimit -Hn); exec {} {PORT} {threads}", tools.join("server").display());
        let server = || sandbox.launch_outside(["sh", "-c", &line]).stdin_open();
        let mut servers = [lab.around(server()).start(), lab.beyond(server()).start()];
        for server in &mut servers {
            server.wait_for("ready");
        }
        let identity = sandbox.identity();
        let elevated = (identity == Identity::Plain).then(|| Sandbox::new(Identity::Root));
        Ok(Self { identity, sandbox, lab, elevated, _servers: servers })
    }

    /// The `opaque-run` that is measured.
    #[must_use]
    pub fn opaque_run(&self) -> PathBuf {
        self.sandbox.base().join("tools/opaque-run")
    }

    /// Another one, to be measured beside it.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn beside(&self) -> Outcome<Option<PathBuf>> {
        let Some(named) = std::env::var_os("OPAQUE_BESIDE") else { return Ok(None) };
        let copy = self.sandbox.base().join("tools/opaque-run-beside");
        fs::copy(&named, &copy).map_err(|error| format!("OPAQUE_BESIDE={}: {error}", named.display()))?;
        Ok(Some(copy))
    }

    /// The client, for whoever is not in a sandbox.
    #[must_use]
    pub fn client(&self) -> String {
        self.sandbox.base().join("tools/client").display().to_string()
    }

    /// A command on the near side of the wire.
    pub fn launch(&self, argv: &[String]) -> Launch {
        self.lab.launch_outside(self.sandbox, argv)
    }

    /// The same with all the rights that the bench has.
    pub fn launch_elevated(&self, argv: &[String]) -> Launch {
        self.lab.launch_outside(self.elevated.as_ref().unwrap_or(self.sandbox), argv)
    }
}

/// A client that waits for orders.
pub struct Traveller {
    /// Which way it goes.
    pub name: String,
    running: Option<Running>,
    orders: Option<PipeWriter>,
    answers: BufReader<PipeReader>,
}

impl Traveller {
    /// Starts a client, and waits until it is there.
    ///
    /// # Errors
    /// It does not start.
    pub fn set_out(name: &str, launch: Launch) -> Outcome<Self> {
        let (input, orders) = pipe()?;
        let (answers, output) = pipe()?;
        let running = launch.patience(A_DAY).stdin_from(input).stdout_to(output).start();
        let answers = BufReader::new(answers);
        let mut traveller = Self { name: name.to_owned(), running: Some(running), orders: Some(orders), answers };
        match traveller.answer()? {
            ready if ready.starts_with("ready ") => Ok(traveller),
            other => Err(format!("{name}: the client said `{other}`").into()),
        }
    }

    /// Gives an order and waits for its answer.
    ///
    /// # Errors
    /// The client failed.
    pub fn ask(&mut self, order: &str) -> Outcome<String> {
        // What went wrong is told where no answer comes.
        let _ = self.orders.as_mut().map(|orders| writeln!(orders, "{order}"));
        self.answer()
    }

    /// The process that was started.
    pub fn pid(&self) -> Option<i32> {
        self.running.as_ref().map(Running::pid)
    }

    /// Ends it.
    ///
    /// # Errors
    /// It did not end well.
    pub fn come_home(mut self) -> Outcome<()> {
        self.orders = None;
        let Some(running) = self.running.take() else { return Ok(()) };
        let ended = running.wait();
        if ended.code == Some(0) { Ok(()) } else { Err(format!("{}: {ended}", self.name).into()) }
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? > 0 {
            return Ok(line.trim_end().to_owned());
        }
        self.orders = None;
        let ended = self.running.take().and_then(|mut running| {
            // What started the client may outlive it, and is ended then.
            eventually(SOON, || !running.is_alive()).then(|| running.wait().to_string())
        });
        Err(Failure::from(format!("{}: the client is gone: {}", self.name, ended.unwrap_or_default())))
    }
}
