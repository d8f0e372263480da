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
    ApiKey as _, Body, CreateTopicsRequest, DeleteTopicsRequest, DescribeGroupsRequest,
    FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest,
    Request,
};
use tansu_service::{
    BytesFrameLayer, BytesFrameService, FrameRequestLayer, FrameRouteBuilder, FrameRouteService,
    TcpBytesLayer, TcpBytesService, TcpContext, TcpContextLayer, TcpContextService,
};
use tansu_storage::StorageContainer;

use crate::{
    arrivals::Arrivals,
    delete::DeleteTopics,
    fetch::Fetch,
    groups::DescribeGroups,
    metadata::CreatingOnFirstUse,
    offsets::ListOffsets,
    produce::{Announcing, InitProducer},
    store::{CLUSTER, Store},
    tables::Tables,
    topics::{CreateTopics, NewTopics},
};

/// Serves one connection: frames in, frames out, until the client hangs up.
pub(crate) type Connection =
    TcpContextService<TcpBytesService<BytesFrameService<FrameRouteService<(), Error>>, ()>>;

type Routes = FrameRouteBuilder<(), Error>;

/// What all connections share.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    storage: StorageContainer,
    tables: Arc<Tables>,
    groups: Controller<StorageContainer>,
    arrivals: Arc<Arrivals>,
    new_topics: NewTopics,
}

impl Broker {
    pub(crate) fn new(store: &Store, new_topics: NewTopics) -> Result<Self, Error> {
        let storage = store.storage().clone();
        let groups = Controller::with_storage(storage.clone())?;
        let tables = store.tables();
        Ok(Self { storage, tables, groups, arrivals: Arc::default(), new_topics })
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
        let (tables, arrivals) = (&self.tables, &self.arrivals);
        let fetch = Fetch::new(tables.clone(), arrivals.clone());
        let routes = self.route(routes, FetchRequest::KEY, fetch)?;
        let routes = self.route(routes, ProduceRequest::KEY, Announcing::new(arrivals.clone()))?;
        let routes =
            self.route(routes, MetadataRequest::KEY, CreatingOnFirstUse::new(self.new_topics))?;
        let routes =
            self.route(routes, ListOffsetsRequest::KEY, ListOffsets::new(tables.clone()))?;
        let routes =
            self.route(routes, DeleteTopicsRequest::KEY, DeleteTopics::new(tables.clone()))?;
        let create = CreateTopics::new(self.new_topics.partitions);
        let routes = self.route(routes, CreateTopicsRequest::KEY, create)?;
        let routes = self.route(routes, InitProducerIdRequest::KEY, InitProducer)?;
        self.route(routes, DescribeGroupsRequest::KEY, DescribeGroups)
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

    /// Not offered, so that clients hear at once: transactions, which tansu cannot end; deleting records,
    /// which makes it panic; users and access lists, which nothing here would look at; telemetry, which
    /// nobody would read.
    fn their_routes(&self, routes: Routes) -> Result<Routes, Error> {
        [
            theirs::delete_groups,
            theirs::describe_cluster,
            theirs::describe_configs,
            theirs::describe_topic_partitions,
            theirs::find_coordinator,
            theirs::incremental_alter_configs,
            theirs::list_groups,
            theirs::list_partition_reassignments,
        ]
        .iter()
        .try_fold(routes, |routes, add| add(routes, self.storage.clone()))
    }
}
