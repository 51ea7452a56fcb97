//! Builds what is compared: `opaque-run` as the README builds it and as a static program, and static commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::session::Outcome;

/// An `opaque-run` of this checkout.
#[derive(Debug, Clone)]
pub struct Binary {
    /// `static` or `dynamic`.
    pub linkage: &'static str,
    /// Where Cargo put it.
    pub path: PathBuf,
}

/// Builds `opaque-run` for release: static first, when the machine has that target, then as the README says.
///
/// # Errors
/// It does not build.
pub fn binaries() -> Outcome<Vec<Binary>> {
    let mut built = Vec::new();
    let musl = musl();
    if has_target(&musl) {
        built.push(Binary { linkage: "static", path: build(Some(&musl))? });
    } else {
        eprintln!("the static rows are left out: this toolchain lacks their target (`rustup target add {musl}`)");
    }
    built.push(Binary { linkage: "dynamic", path: build(None)? });
    Ok(built)
}

/// Compiles a program of `benches/programs` into a static executable.
///
/// # Errors
/// This machine makes no static program, or the source is wrong.
pub fn static_program(name: &str, into: &Path) -> Outcome<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/programs/{name}.rs"));
    let program = into.join(name);
    let mut compile = rustc();
    compile.args(["--edition", "2024", "--crate-type", "bin", "-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols"]);
    compile.arg("-Ctarget-feature=+crt-static").arg("-o").arg(&program).arg(source);
    let musl = musl();
    if has_target(&musl) {
        compile.args(["--target", &musl]);
    }
    let output = compile.output().map_err(|error| format!("cannot start the compiler: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("cannot compile a static program; try `rustup target add {musl}`\n{said}").into());
    }
    Ok(program)
}

fn build(target: Option<&str>) -> Outcome<PathBuf> {
    let mut directory = target_directory()?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--package", "opaque-runner", "--bin", "opaque-run"]);
    cargo.arg("--target-dir").arg(&directory).current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(target) = target {
        cargo.args(["--target", target]);
        directory.push(target);
    }
    let status = cargo.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err("opaque-run does not build".into());
    }
    Ok(directory.join("release/opaque-run"))
}

/// The target directory that this bench itself was built in: it lies in `<target>/release/deps`.
fn target_directory() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(3).ok_or("a bench lies in a target directory")?.to_owned())
}

fn musl() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

fn has_target(target: &str) -> bool {
    let printed = rustc().args(["--print", "target-libdir", "--target", target]).output();
    printed.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}
