//! Components over real sockets.
