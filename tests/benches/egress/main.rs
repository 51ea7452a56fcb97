//! The network of a run: what its gate costs against no sandbox, and against pasta, over the same wire at the same time.
//! As root and as a plain user. Reads no address of the machine's own network.
//!
//! `--only SECTION` carries out one section. `OPAQUE_RUN` names the `opaque-run` that is measured, `OPAQUE_BESIDE`
//! another one that takes part in every round, for a look at before and after.

mod crowd;
mod latency;
mod rush;
mod startup;
mod throughput;
mod turns;
mod ways;
mod world;

use std::process::ExitCode;

use opaque_tests::bench::bench_in_sections;

fn main() -> ExitCode {
    bench_in_sections(
        "egress",
        &[
            ("throughput", throughput::measure),
            ("latency", latency::measure),
            ("rush", rush::measure),
            ("crowd", crowd::measure),
            ("startup", startup::measure),
        ],
    )
}
