//! Describing consumer groups, around a fault in tansu's SQLite storage.
//!
//! `describe_groups` reads a group's stored JSON as if it were a JSON string, so it fails for every group
//! that exists. `update_group` reads it correctly when it refuses an update made with an outdated version:
//! so we ask for an update that cannot succeed and take the current state from the refusal.
//!
//! The newer `ConsumerGroupDescribe` request has the same fault and is not offered; clients then fall back
//! to this one.

use rama::{Context, Service};
use tansu_sans_io::{
    DescribeGroupsRequest, DescribeGroupsResponse, describe_groups_response::DescribedGroup,
};
use tansu_storage::{Error, GroupDetail, NamedGroupDetail, Storage, UpdateError, Version};
use uuid::Uuid;

/// Answers `DescribeGroups`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DescribeGroups;

impl<S: Storage> Service<S, DescribeGroupsRequest> for DescribeGroups {
    type Response = DescribeGroupsResponse;
    type Error = Error;

    async fn serve(
        &self,
        context: Context<S>,
        request: DescribeGroupsRequest,
    ) -> Result<DescribeGroupsResponse, Error> {
        let mut groups = Vec::new();
        for name in request.groups.iter().flatten() {
            let described = describe(context.state(), name).await?;
            groups.extend(described.iter().map(DescribedGroup::from));
        }
        Ok(DescribeGroupsResponse::default().throttle_time_ms(Some(0)).groups(Some(groups)))
    }
}

async fn describe(storage: &impl Storage, name: &str) -> Result<Vec<NamedGroupDetail>, Error> {
    match storage.describe_groups(Some(&[name.to_owned()]), false).await {
        Err(Error::SerdeJson(_)) => {
            let detail = stored(storage, name).await?;
            Ok(vec![NamedGroupDetail::found(name.to_owned(), detail)])
        }
        outcome => outcome,
    }
}

async fn stored(storage: &impl Storage, name: &str) -> Result<GroupDetail, Error> {
    let never_current = Version::from(&Uuid::new_v4());
    match storage.update_group(name, GroupDetail::default(), Some(never_current)).await {
        Err(UpdateError::Outdated { current, .. }) => Ok(*current),
        // The group was deleted since we saw it, and is now what this answers: empty.
        Ok(_) => Ok(GroupDetail::default()),
        Err(UpdateError::Error(error)) => Err(error),
        Err(other) => Err(Error::Message(format!("cannot read group {name}: {other:?}"))),
    }
}
