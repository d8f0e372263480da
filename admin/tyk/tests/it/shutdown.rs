use crate::support::{PATIENCE, Plan, streams};

#[tokio::test]
async fn a_gateway_stops_and_lets_go_of_everything() {
    let setup = Plan::new().file("a.json", streams("a", "/a/", &["s"]).to_string()).start().await;
    setup.get("/a/s").await.expect(200, "a for ");
    let addresses = setup.running.addresses;
    let stopped = tokio::time::timeout(PATIENCE, setup.running.shutdown()).await;
    assert!(stopped.unwrap(), "something had to be cut");
    for address in [addresses.data, addresses.dashboard.unwrap()] {
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{address} still answers");
    }
}
