//! Gives up every privilege: capabilities from every set, the ways to get them back, other ids.

use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use crate::image::{IdMap, Identity};

/// Uid 0 means nothing any more, and none of this can be undone.
const LOCKED: CapabilitiesSecureBits = CapabilitiesSecureBits::NO_ROOT
    .union(CapabilitiesSecureBits::NO_ROOT_LOCKED)
    .union(CapabilitiesSecureBits::NO_SETUID_FIXUP)
    .union(CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED)
    .union(CapabilitiesSecureBits::KEEP_CAPS_LOCKED)
    .union(CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE)
    .union(CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED);

/// Takes the ids of the plan, keeping capabilities in this namespace until they are dropped.
pub(crate) fn take_identity(identity: Identity) -> Result<(), Errno> {
    match identity.map {
        // The only ids that exist are already ours, and `setgroups` is denied.
        IdMap::Single => Ok(()),
        IdMap::Full => {
            rustix::thread::set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)?;
            let gid = Gid::from_raw(identity.gid);
            rustix::thread::set_thread_groups(&[gid])?;
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            let uid = Uid::from_raw(identity.uid);
            rustix::thread::set_thread_res_uid(uid, uid, uid)
        }
    }
}

/// Nothing that is executed can gain privileges any more.
pub(crate) fn no_new_privileges() -> Result<(), Errno> {
    rustix::thread::set_no_new_privs(true)
}

/// Drops every capability from every set and locks the bits that would give them back to uid 0.
pub(crate) fn drop_capabilities() -> Result<(), Errno> {
    rustix::thread::clear_ambient_capability_set()?;
    drop_bounding_set()?;
    rustix::thread::set_capabilities_secure_bits(LOCKED)?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// True when the bits that would give capabilities back to uid 0 are locked.
pub(crate) fn is_locked() -> bool {
    rustix::thread::capabilities_secure_bits() == Ok(LOCKED)
}

/// Counts up to the last capability that this kernel knows, so that a newer one is dropped too.
fn drop_bounding_set() -> Result<(), Errno> {
    for number in 0..64_u32 {
        // SAFETY: PR_CAPBSET_DROP takes a number and touches no memory.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) };
        if result != 0 {
            return match crate::clone::last_errno() {
                Errno::INVAL if number > 0 => Ok(()),
                errno => Err(errno),
            };
        }
    }
    Ok(())
}
