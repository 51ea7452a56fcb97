//! Every example of every built-in profile is run: what a profile promises, it does.

use opaque_policy::profile::Profiles;
use opaque_tests::each_identity;

const BUILT_IN: [&str; 11] =
    ["agent", "cargo", "cargo-offline", "ci", "default", "git", "go", "make", "npm", "offline-read", "pip"];

#[test]
fn every_built_in_profile_does_what_its_examples_show() {
    let profiles = Profiles::built_in();
    assert_eq!(profiles.names(), BUILT_IN);
    for name in BUILT_IN {
        let profile = profiles.find(name).unwrap();
        assert!(!profile.examples().is_empty(), "profile `{name}` shows nothing");
        for example in profile.examples() {
            each_identity(|sandbox| {
                if let Some(setup) = &example.setup {
                    // What stands beside the workspace stands in the home.
                    if setup.contains("../") {
                        sandbox.needs_belief();
                    }
                    sandbox.shell_outside(setup).expect(0);
                }
                let arguments = ["--profile", name, "--"].into_iter().chain(example.run.iter().map(String::as_str));
                let ended = sandbox.run(arguments);
                ended.expect(example.exit);
                if let Some(stdout) = &example.stdout {
                    let said = String::from_utf8(ended.stdout.clone()).unwrap();
                    assert_eq!(&said, stdout, "profile `{name}`: {}", example.shows);
                }
            });
        }
    }
}
