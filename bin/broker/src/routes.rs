//! Which request goes to which service: tansu's, except where this broker behaves differently.

use std::sync::Arc;

use rama::{
    Layer as _, Service,
    layer::{MapErrLayer, MapStateLayer},
};
use tansu_broker::{
    Error,
    coordinator::group::administrator::Controller,
    service::{auth, coordinator, storage as theirs},
};
use tansu_sans_io::{
    ApiKey as _, Body, DescribeGroupsRequest, FetchRequest, MetadataRequest, ProduceRequest,
    Request,
};
use tansu_service::{
    BytesFrameLayer, BytesFrameService, FrameRequestLayer, FrameRouteBuilder, FrameRouteService,
    TcpBytesLayer, TcpBytesService, TcpContext, TcpContextLayer, TcpContextService,
};
use tansu_storage::StorageContainer;

use crate::{
    arrivals::Arrivals,
    fetch::Fetch,
    groups::Describe,
    metadata::CreatingOnFirstUse,
    produce::Announcing,
    reader::Reader,
    store::{CLUSTER, Store},
    topics::TopicCreation,
};

/// Serves one connection: frames in, frames out, until the client hangs up.
pub(crate) type Connection =
    TcpContextService<TcpBytesService<BytesFrameService<FrameRouteService<(), Error>>, ()>>;

type Routes = FrameRouteBuilder<(), Error>;

/// What all connections share.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    storage: StorageContainer,
    reader: Arc<Reader>,
    groups: Controller<StorageContainer>,
    arrivals: Arc<Arrivals>,
    creation: TopicCreation,
}

impl Broker {
    pub(crate) fn new(store: &Store, creation: TopicCreation) -> Result<Self, Error> {
        let storage = store.storage().clone();
        let groups = Controller::with_storage(storage.clone())?;
        let reader = store.reader();
        Ok(Self { storage, reader, groups, arrivals: Arc::default(), creation })
    }

    pub(crate) fn connection(&self) -> Result<Connection, Error> {
        let routes = self.own_routes(FrameRouteService::builder())?;
        let routes = self.their_routes(routes)?;
        let routes = coordinator::services(routes, self.groups.clone())?;
        let routes = auth::services(routes)?.build()?;
        let context = TcpContext::default().cluster_id(Some(CLUSTER.to_owned()));
        Ok((TcpContextLayer::new(context), TcpBytesLayer::default(), BytesFrameLayer::default())
            .into_layer(routes))
    }

    fn own_routes(&self, routes: Routes) -> Result<Routes, Error> {
        let routes = self.route(
            routes,
            FetchRequest::KEY,
            Fetch::new(self.reader.clone(), self.arrivals.clone()),
        )?;
        let routes =
            self.route(routes, ProduceRequest::KEY, Announcing::new(self.arrivals.clone()))?;
        let routes =
            self.route(routes, MetadataRequest::KEY, CreatingOnFirstUse::new(self.creation))?;
        self.route(routes, DescribeGroupsRequest::KEY, Describe)
    }

    fn route<Q, S>(&self, routes: Routes, key: i16, service: S) -> Result<Routes, Error>
    where
        Q: Request + TryFrom<Body>,
        <Q as TryFrom<Body>>::Error: Into<tansu_storage::Error>,
        S: Service<StorageContainer, Q, Response = Q::Response, Error = tansu_storage::Error>,
    {
        let storage = self.storage.clone();
        let layers = (
            MapErrLayer::new(Error::from),
            MapStateLayer::new(move |()| storage.clone()),
            FrameRequestLayer::<Q>::new(),
        );
        Ok(routes.with_route(key, layers.into_layer(service).boxed())?)
    }

    /// All but transactions: tansu stores them but cannot end them, so clients should hear at once.
    fn their_routes(&self, routes: Routes) -> Result<Routes, Error> {
        [
            theirs::alter_user_scram_credentials,
            theirs::create_acls,
            theirs::create_topics,
            theirs::delete_groups,
            theirs::delete_records,
            theirs::delete_topics,
            theirs::describe_acls,
            theirs::describe_cluster,
            theirs::describe_configs,
            theirs::describe_topic_partitions,
            theirs::describe_user_scram_credentials,
            theirs::find_coordinator,
            theirs::get_telemetry_subscriptions,
            theirs::incremental_alter_configs,
            theirs::init_producer_id,
            theirs::list_groups,
            theirs::list_offsets,
            theirs::list_partition_reassignments,
        ]
        .iter()
        .try_fold(routes, |routes, add| add(routes, self.storage.clone()))
    }
}
