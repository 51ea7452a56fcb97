//! What cannot be handed over is refused before anything is cloned, and what is handed over is counted.

use std::os::fd::OwnedFd;

use super::{GATE, OWN4, OWN6, gateway};
use crate::network::{Gate, Network};

fn gate() -> Gate {
    Gate { port: GATE, udp_ports: vec![443], sockets: 64, rules: gateway(true).ruleset() }
}

#[test]
fn a_gate_that_cannot_be_set_up_is_refused() {
    let refused = |gate: Gate| Network::prepare(OWN4, None, Some(&gate)).unwrap_err().to_string();
    assert!(Network::prepare(OWN4, None, Some(&gate())).is_ok());
    assert!(refused(Gate { udp_ports: (1..18).collect(), ..gate() }).contains("16 ports"));
    assert!(refused(Gate { udp_ports: vec![443, 444, 443], ..gate() }).contains("twice"));
    assert!(refused(Gate { udp_ports: vec![53], ..gate() }).contains("53"));
    assert!(refused(Gate { udp_ports: vec![0], ..gate() }).contains("53"));
    assert!(refused(Gate { sockets: 65, ..gate() }).contains("64 sockets"));
    assert!(refused(Gate { port: 0, ..gate() }).contains("port"));
    let rules = crate::netfilter::Ruleset { rules: Vec::new(), ..gateway(true).ruleset() };
    assert!(refused(Gate { rules, ..gate() }).contains("without rules"));
}

#[test]
fn one_descriptor_too_many_or_too_few_is_seen() {
    let some = |count| (0..count).map(|_| OwnedFd::from(tempfile::tempfile().unwrap())).collect::<Vec<_>>();
    for (own6, gate) in [(None, None), (None, Some(gate())), (Some(OWN6), Some(gate()))] {
        let expected = Network::prepare(OWN4, own6, gate.as_ref()).unwrap().expected();
        let count = expected.count();
        assert_eq!(
            count,
            if gate.is_none() {
                1
            } else if own6.is_none() {
                68
            } else {
                71
            }
        );
        assert!(expected.clone().name(some(count - 1)).is_none());
        assert!(expected.clone().name(some(count + 1)).is_none());
        let doors = expected.name(some(count)).unwrap();
        assert_eq!(doors.gate.is_some(), gate.is_some());
        if let Some(named) = doors.gate {
            let v6 = usize::from(own6.is_some());
            assert_eq!((named.udp4.len(), named.udp6.len(), named.sockets.len()), (1, v6, 64));
            assert_eq!((named.tcp6.is_some(), named.resolver6.is_some()), (own6.is_some(), own6.is_some()));
        }
    }
}
