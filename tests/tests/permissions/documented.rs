//! What the contract says of the gameplay routes, written down here once more and not taken from the code.

/// The 28 routes: name, method, path, status, `dataName`, `action`.
pub const ROUTES: [(&str, &str, &str, u16, &str, &str); 28] = [
    ("createGame", "POST", "/v1/game", 201, "chessGame", "create"),
    ("updateGame", "PATCH", "/v1/game/{chessGameId}", 200, "chessGame", "update"),
    ("deleteGame", "DELETE", "/v1/game/{chessGameId}", 200, "chessGame", "delete"),
    ("getGame", "GET", "/v1/game/{chessGameId}", 200, "chessGame", "get"),
    ("listGames", "GET", "/v1/games", 200, "chessGames", "list"),
    ("createGameMove", "POST", "/v1/gamemove", 201, "chessGameMove", "create"),
    ("listGameMoves", "GET", "/v1/gamemoves", 200, "chessGameMoves", "list"),
    ("createGameInvitation", "POST", "/v1/gameinvitation", 201, "chessGameInvitation", "create"),
    (
        "updateGameInvitation",
        "PATCH",
        "/v1/gameinvitation/{chessGameInvitationId}",
        200,
        "chessGameInvitation",
        "update",
    ),
    (
        "deleteGameInvitation",
        "DELETE",
        "/v1/gameinvitation/{chessGameInvitationId}",
        200,
        "chessGameInvitation",
        "delete",
    ),
    ("listGameInvitations", "GET", "/v1/gameinvitations", 200, "chessGameInvitations", "list"),
    ("createCustomBoard", "POST", "/v1/customboards", 201, "customBoard", "create"),
    ("listCustomBoards", "GET", "/v1/customboards", 200, "customBoards", "list"),
    ("getCustomBoard", "GET", "/v1/customboards/{customBoardId}", 200, "customBoard", "get"),
    ("updateCustomBoard", "PATCH", "/v1/customboards/{customBoardId}", 200, "customBoard", "update"),
    ("deleteCustomBoard", "DELETE", "/v1/customboards/{customBoardId}", 200, "customBoard", "delete"),
    ("createBoardTheme", "POST", "/v1/boardthemes", 201, "boardTheme", "create"),
    ("listBoardThemes", "GET", "/v1/boardthemes", 200, "boardThemes", "list"),
    ("updateBoardTheme", "PATCH", "/v1/boardthemes/{boardThemeId}", 200, "boardTheme", "update"),
    ("deleteBoardTheme", "DELETE", "/v1/boardthemes/{boardThemeId}", 200, "boardTheme", "delete"),
    ("createUserPreference", "POST", "/v1/userpreferences", 201, "userPreference", "create"),
    ("updateUserPreference", "PATCH", "/v1/userpreferences/{userPreferenceId}", 200, "userPreference", "update"),
    ("getUserPreference", "GET", "/v1/userpreferences/{userPreferenceId}", 200, "userPreference", "get"),
    ("listUserPreferences", "GET", "/v1/userpreferences", 200, "userPreferences", "list"),
    ("listGameHubMessages", "GET", "/v1/v1/gameHub-messages", 200, "gameHubMessages", "list"),
    ("getGameHubMessage", "GET", "/v1/v1/gameHub-messages/{id}", 200, "gameHubMessage", "get"),
    ("deleteGameHubMessage", "DELETE", "/v1/v1/gameHub-messages/{id}", 200, "gameHubMessage", "delete"),
    ("updateGameHubMessage", "PATCH", "/v1/v1/gameHub-messages/{id}", 200, "gameHubMessage", "update"),
];

/// Those of [`ROUTES`] that are not served yet. Who adds one takes it out here and gives it cases in `table.rs`.
pub const MISSING: &[&str] = &[];

/// The keys of the envelope, in their order; the data comes behind them, under its name.
pub const ENVELOPE: &str = "status statusCode elapsedMs ssoTime source cacheKey userId sessionId requestId dataName \
                            method action appVersion rowCount";

/// What lists have behind the data.
pub const OF_LISTS: &str = "paging filters uiPermissions";

/// The keys of each object in the order of the contract's samples, by `dataName` of one. Our own stand behind them.
pub const OBJECTS: &[(&str, &str)] = &[
    (
        "chessGame",
        "id playerWhiteId playerBlackId createdById status status_idx mode mode_idx invitationCode currentFEN gameType \
         gameType_idx saveStatus saveStatus_idx saveRequestWhite saveRequestBlack movedAt result result_idx \
         terminatedById reportStatus reportStatus_idx guestPlayerWhite guestPlayerBlack initialFEN isActive \
         recordVersion createdAt updatedAt _owner",
    ),
    (
        "chessGameMove",
        "id gameId moveNumber moveNotation moveTime movedById moveTimestamp isActive recordVersion createdAt updatedAt \
         _owner",
    ),
    (
        "chessGameInvitation",
        "id gameId senderId recipientId status status_idx expiresAt isActive recordVersion createdAt updatedAt _owner",
    ),
    (
        "customBoard",
        "id name fen description isPublished category category_idx createdById isActive recordVersion createdAt \
         updatedAt _owner",
    ),
    (
        "boardTheme",
        "id name lightSquare darkSquare isPublished createdById isActive recordVersion createdAt updatedAt _owner",
    ),
    (
        "userPreference",
        "id userId activeThemeId soundEnabled showAnimations boardOrientation boardOrientation_idx premoveEnabled \
         isActive recordVersion createdAt updatedAt _owner",
    ),
    (
        "gameHubMessage",
        "id roomId senderId senderName senderAvatar messageType messageType_idx content timestamp status status_idx \
         isActive recordVersion createdAt updatedAt _owner",
    ),
];
