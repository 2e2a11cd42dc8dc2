<?php
// A receiver of Kirim's webhooks for PHP's built-in server, to be read and copied: php -S 127.0.0.1:8095 receiver.php
//
// KIRIM_SECRET  the subscription's secret (required)
// DB            the SQLite file for what was received (receiver.db beside this file)
// KIRIM_TEST    1 opens /effects and /test/... for certification; never set it in production
declare(strict_types=1);

const TOLERANCE = 300; // seconds
const EVENTS = ['message.received', 'message.status', 'message.created', 'conversation.assigned', 'conversation.closed',
    'contact.created', 'contact.updated'];

/** Says whether a body was signed with the secret, by the bytes as they came. */
function genuine(string $secret, string $header, string $body): bool
{
    $t = null;
    $signatures = [];
    foreach (explode(',', $header) as $part) {
        [$key, $value] = explode('=', trim($part), 2) + ['', ''];
        if ($key === 't') {
            $t ??= $value;
        } elseif ($key === 'v1') {
            $signatures[] = $value; // one for every active secret
        }
    }
    if ($t === null || !preg_match('/\A[0-9]{1,15}\z/', $t) || abs(time() - (int) $t) > TOLERANCE) {
        return false;
    }
    $expected = hash_hmac('sha256', "$t.$body", $secret); // the key is the whole text, whsec_ included
    $matched = false;
    foreach ($signatures as $signature) {
        $matched = hash_equals($expected, $signature) || $matched;
    }
    return $matched;
}

/** What a delivery holds, one [key, item, status] for each item. Throws where it is not what Kirim documents. */
function items(string $event, string $eventId, string $source, array $body): array
{
    $items = [];
    if ($source === 'kirim') {
        if (($body['id'] ?? $eventId) !== $eventId || ($body['type'] ?? $event) !== $event || !is_array($body['data'] ?? null)) {
            throw new UnexpectedValueException('another id or type than the headers, or no data');
        }
        $items[] = ["$event $eventId", $body['data'][explode('.', $event)[0]]['id'] ?? '', ''];
    } elseif ($source === 'meta') {
        foreach ($body['entry'] ?? [] as $entry) {
            foreach ($entry['changes'] ?? [] as $change) {
                foreach ($change['value']['messages'] ?? [] as $message) {
                    $id = $message['id'] ?? throw new UnexpectedValueException('a message without an id');
                    $items[] = ["message $id", $id, ''];
                }
                foreach ($change['value']['statuses'] ?? [] as $status) { // sent, delivered and read share an id
                    $id = $status['id'] ?? throw new UnexpectedValueException('a status without an id');
                    $items[] = ["status $id {$status['status']}", $id, $status['status']];
                }
            }
        }
    } else {
        throw new UnexpectedValueException('X-Kirim-Source is neither meta nor kirim');
    }
    return $items;
}

function database(): PDO
{
    $db = new PDO('sqlite:' . (getenv('DB') ?: __DIR__ . '/receiver.db'));
    $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
    $db->exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL');
    $db->exec('CREATE TABLE IF NOT EXISTS effect (key TEXT PRIMARY KEY, event TEXT, event_id TEXT, item TEXT, status TEXT);
        CREATE TABLE IF NOT EXISTS failing (yes INTEGER)');
    return $db;
}

function answer(int $status, string $text = ''): void
{
    http_response_code($status);
    echo $text;
}

/** Does the work once for every item: all of it, or none. The primary key decides which copy is the first. */
function take(PDO $db, string $event, string $eventId, array $items): void
{
    $db->exec('BEGIN IMMEDIATE');
    try {
        $insert = $db->prepare('INSERT OR IGNORE INTO effect VALUES (?, ?, ?, ?, ?)');
        foreach ($items as [$key, $item, $status]) {
            $insert->execute([$key, $event, $eventId, $item, $status]); // your work goes here, in the same transaction
        }
        if ($db->query('SELECT count(*) FROM failing')->fetchColumn() > 0) {
            throw new RuntimeException('told to fail by /test/fail');
        }
        $db->exec('COMMIT');
    } catch (Throwable $error) {
        $db->exec('ROLLBACK');
        throw $error;
    }
}

function deliver(string $secret): void
{
    $raw = file_get_contents('php://input');
    $header = fn (string $name): string => $_SERVER["HTTP_X_KIRIM_$name"] ?? '';
    if (!genuine($secret, $header('SIGNATURE'), $raw)) {
        answer(401, 'the signature is not valid');
        return;
    }
    try {
        [$event, $eventId] = [$header('EVENT'), $header('EVENT_ID')];
        $body = json_decode($raw, true, 512, JSON_THROW_ON_ERROR);
        $items = in_array($event, EVENTS, true) ? items($event, $eventId, $header('SOURCE'), $body) : [];
    } catch (JsonException | TypeError | UnexpectedValueException $error) {
        answer(400, $error->getMessage());
        return;
    }
    try {
        take(database(), $event, $eventId, $items);
        answer(200);
    } catch (Throwable $error) {
        error_log('not processed: ' . $error->getMessage());
        answer(500, 'not processed'); // and Kirim tries again
    }
}

function effects(): void
{
    $where = '1';
    $values = [];
    foreach (['event', 'event_id', 'item', 'status'] as $column) {
        if (isset($_GET[$column]) && ($_GET[$column] !== '' || $column === 'status')) {
            $where .= " AND $column = ?";
            $values[] = $_GET[$column];
        }
    }
    $count = database()->prepare("SELECT count(*) FROM effect WHERE $where");
    $count->execute($values);
    answer(200, json_encode(['count' => (int) $count->fetchColumn()]));
}

$secret = getenv('KIRIM_SECRET') ?: '';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$test = getenv('KIRIM_TEST') === '1';
if ($secret === '') {
    answer(500, 'KIRIM_SECRET is not set; without a secret no delivery can be verified');
} elseif ($path === '/kirim-webhook') {
    $_SERVER['REQUEST_METHOD'] === 'POST' ? deliver($secret) : answer(405, 'use POST');
} elseif ($test && $path === '/effects') {
    effects();
} elseif ($test && $path === '/test/fail') {
    database()->exec('INSERT INTO failing VALUES (1)');
    answer(204);
} elseif ($test && $path === '/test/recover') {
    database()->exec('DELETE FROM failing');
    answer(204);
} else {
    answer(404, 'not found');
}
