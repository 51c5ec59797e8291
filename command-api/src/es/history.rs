//! Reading events back from the log.

use event_schema::envelope::Recorded;
use event_schema::ids::CommandId;
use tokio_postgres::Row;

/// The columns of [`recorded`], in its order.
pub const COLUMNS: &str = "position, stream_id, version, category, type, schema, command_id, ordinal, correlation_id, \
                           causation_id, actor_id, recorded_at, data";

/// The event in a row of [`COLUMNS`].
pub fn recorded(row: &Row) -> Result<Recorded, ReadError> {
    let data: &str = row.try_get(12)?;
    Ok(Recorded {
        position: row.try_get(0)?,
        stream_id: row.try_get(1)?,
        version: row.try_get(2)?,
        category: row.try_get(3)?,
        kind: row.try_get(4)?,
        schema: row.try_get(5)?,
        command_id: CommandId(row.try_get(6)?),
        ordinal: row.try_get(7)?,
        correlation_id: row.try_get(8)?,
        causation_id: row.try_get(9)?,
        actor_id: row.try_get(10)?,
        recorded_at: row.try_get(11)?,
        data: serde_json::from_str(data)?,
    })
}

/// A row of the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// PostgreSQL did not answer or the row has another shape.
    #[error("the log cannot be read")]
    Database(#[from] tokio_postgres::Error),
    /// No connection to be had.
    #[error("no connection to PostgreSQL")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The stored text is no JSON of its type.
    #[error("stored JSON cannot be read")]
    Json(#[from] serde_json::Error),
    /// An event does not fit its type.
    #[error("a stored event cannot be decoded")]
    Decode(#[from] event_schema::event::DecodeError),
    /// The newest event of a stream is of a type or schema that this program does not know.
    #[error("stream {stream} ends in {kind} of schema {schema}, which a newer program has written")]
    Newer {
        /// The stream.
        stream: uuid::Uuid,
        /// The event's type.
        kind: String,
        /// Its schema.
        schema: String,
    },
    /// Personal data cannot be opened.
    #[error("personal data cannot be opened")]
    Seal(#[from] service::seal::SealError),
}
