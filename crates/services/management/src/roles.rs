//! The five roles and what each may do, as the console shows them. The table itself is in the contract.

use septet_contracts::management::{Permission, RoleInfo};
use septet_kernel::Role;

/// All five, weakest first.
pub(crate) fn all() -> Vec<RoleInfo> {
    let permissions_of =
        |role| Permission::ALL.iter().copied().filter(move |permission| permission.is_granted_to(role));
    Role::ALL.into_iter().map(|role| RoleInfo { role, permissions: permissions_of(role).collect() }).collect()
}
