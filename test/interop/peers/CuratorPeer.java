import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.retry.RetryOneTime;

/**
 * A process that locks with Apache Curator. It takes a line for each thing to do, "id verb kind path", and answers with a line,
 * "id answer". Each id has a thread of its own, for Curator's locks belong to threads: the line "id release" goes to the thread
 * that acquired as that id.
 */
public class CuratorPeer {
  private static final Map<String, Owner> OWNERS = new HashMap<>();

  private static class Owner extends Thread {
    private final String id;
    private final InterProcessLock lock;
    private final String waitMs;
    private boolean released = false;

    Owner(String id, InterProcessLock lock, String waitMs) {
      this.id = id;
      this.lock = lock;
      this.waitMs = waitMs;
      setDaemon(true);
    }

    @Override
    public void run() {
      try {
        if (!lock.acquire(Long.parseLong(waitMs), TimeUnit.MILLISECONDS)) {
          answer(id, "refused");
          return;
        }
        answer(id, "acquired");
        synchronized (this) {
          while (!released) wait();
        }
        lock.release();
        answer(id, "released");
      } catch (Exception error) {
        answer(id, "failed " + error);
      }
    }

    synchronized void release() {
      released = true;
      notifyAll();
    }
  }

  private static synchronized void answer(String id, String text) {
    System.out.println(id + " " + text);
    System.out.flush();
  }

  private static InterProcessLock lockOf(CuratorFramework client, String kind, String path) {
    switch (kind) {
      case "mutex":
        return new InterProcessMutex(client, path);
      case "read":
        return new InterProcessReadWriteLock(client, path).readLock();
      case "write":
        return new InterProcessReadWriteLock(client, path).writeLock();
      default:
        throw new IllegalArgumentException(kind);
    }
  }

  public static void main(String[] args) throws Exception {
    CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], 10_000, 10_000, new RetryOneTime(100));
    client.start();
    client.blockUntilConnected();
    answer("0", "ready");
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split(" ");
      if (words[1].equals("release")) {
        OWNERS.get(words[0]).release();
      } else {
        Owner owner = new Owner(words[0], lockOf(client, words[2], words[3]), words[4]);
        OWNERS.put(words[0], owner);
        owner.start();
      }
    }
    client.close();
  }
}
