//! A step that is left out fails the next one that needs it, or is missed by attestation.

use rustix::io::Errno;

use super::{OWN4, OWN6, gated, inside};
use crate::attest::Missing;
use crate::network::{Handed, Network, attest, has_ipv6};
use crate::step::Step;

/// What attestation misses when these steps are left out.
fn missed(network: &Network, skipped: &[Step]) -> Result<Option<Missing>, (Step, Errno)> {
    let mut handed = Handed::new();
    inside::set_up_alone(network, skipped, &mut handed)?;
    Ok(attest::missing(network))
}

#[test]
fn a_network_that_is_whole_misses_nothing() {
    inside::by_itself(|| {
        let networks = [Network::prepare(OWN4, has_ipv6().then_some(OWN6), None).unwrap(), gated(has_ipv6(), 0)];
        for network in networks {
            inside::alone(|| assert_eq!(missed(&network, &[]), Ok(None)));
        }
    });
}

#[test]
fn a_step_that_is_left_out_is_missed() {
    inside::by_itself(|| {
        let network = gated(has_ipv6(), 0);
        for (step, missing) in [
            (Step::Resolver, Missing::Resolver),
            (Step::Routes, Missing::Routes),
            (Step::Rules, Missing::Rules),
            (Step::Listeners, Missing::Listeners),
        ] {
            inside::alone(|| assert_eq!(missed(&network, &[step]), Ok(Some(missing)), "{step:?}"));
        }
    });
}

#[test]
fn without_addresses_there_is_no_resolver() {
    inside::by_itself(|| {
        let network = Network::prepare(OWN4, has_ipv6().then_some(OWN6), None).unwrap();
        let step = Step::Addresses;
        inside::alone(|| {
            assert_eq!(missed(&network, &[step]), Err((Step::Resolver, Errno::ADDRNOTAVAIL)), "{step:?}");
        });
        inside::alone(|| {
            assert_eq!(missed(&network, &[step, Step::Resolver]), Ok(Some(Missing::Resolver)), "{step:?}")
        });
    });
}

#[test]
fn rules_that_the_kernel_does_not_take_fail_their_step_and_none_is_in_force() {
    inside::by_itself(|| {
        let mut network = gated(false, 0);
        let gate = network.gate.as_mut().unwrap();
        // The chain that the first rule names is not there.
        let mut ruleset = super::gateway(false).ruleset();
        ruleset.rules.first_mut().unwrap().chain = "elsewhere";
        gate.rules = crate::netfilter::encode(&ruleset);
        inside::alone(|| {
            let mut handed = Handed::new();
            assert_eq!(inside::set_up_alone(&network, &[], &mut handed), Err((Step::Rules, Errno::NOENT)));
            assert_eq!(super::client::tcp("192.0.2.1:443"), "refused", "by the kernel: nobody listens");
            assert_eq!(attest::missing(&network), Some(Missing::Rules));
        });
    });
}
