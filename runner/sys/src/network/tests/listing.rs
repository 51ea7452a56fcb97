//! The kernel's own account of the rules, in the words of nft(8).

use std::process::Command;

use super::{families, gated, inside};
use crate::network::Handed;

const NFT: &str = "/usr/sbin/nft";

#[test]
fn the_rules_in_force_are_the_ones_that_were_meant() {
    inside::by_itself(|| {
        if !std::path::Path::new(NFT).exists() {
            eprintln!("skipped: {NFT} is missing");
            return;
        }
        for has_v6 in families() {
            let network = gated(has_v6, 0);
            let expected = if has_v6 { include_str!("with-v6.nft") } else { include_str!("without-v6.nft") };
            inside::alone(|| {
                let mut handed = Handed::new();
                inside::set_up_alone(&network, &[], &mut handed).unwrap();
                let listed = Command::new(NFT).args(["list", "ruleset"]).output().unwrap();
                let listed = String::from_utf8(listed.stdout).unwrap();
                assert!(listed == expected, "{listed}");
            });
        }
    });
}
