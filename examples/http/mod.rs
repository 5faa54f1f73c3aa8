//! A connection that is kept open for many answers.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    socket: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> anyhow::Result<Self> {
        let socket = BufReader::new(TcpStream::connect(address).await?);
        Ok(Self { socket })
    }

    /// GETs `route` and reads the whole answer. Whether its status is 200.
    pub(crate) async fn get(&mut self, route: &str) -> anyhow::Result<bool> {
        let request = format!("GET {route} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.socket.get_mut().write_all(request.as_bytes()).await?;
        let mut line = String::new();
        self.socket.read_line(&mut line).await?;
        let is_good = line.contains(" 200 ");
        let mut length = 0;
        loop {
            line.clear();
            anyhow::ensure!(
                self.socket.read_line(&mut line).await? > 0,
                "no whole answer"
            );
            let text = line.trim_end().to_ascii_lowercase();
            if text.is_empty() {
                break;
            }
            if let Some(given) = text.strip_prefix("content-length: ") {
                length = given.parse()?;
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).await?;
        Ok(is_good)
    }
}
